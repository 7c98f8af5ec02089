# The two commands of a newcomer are `make run` and `make check`. Meson builds; this file only remembers how to call it.
PREFIX ?= /usr/local
DESTDIR ?=
# DEMO=--once ends the demo after its message was delivered
DEMO ?=
# seconds of `make fuzz`
TIME ?= 60

# Of `make bench`: how many runs, and which rows (parts of their names; all if empty)
BENCH_RUNS ?= 3
ROWS ?=

# Of make crash
KILLS ?= 200

.PHONY: all crash run check bench soak fuzz fuzz-coverage coverage tsan valgrind fresh install clean

all: build/build.ninja
	@ninja -C build

build/build.ninja:
	@meson setup build -Dtests=false -Dprefix=$(PREFIX) >/dev/null || { cat build/meson-logs/meson-log.txt; exit 1; }

run:
	@tools/install-deps build
	@$(MAKE) --no-print-directory all
	@tools/demo $(DEMO)

check:
	@tools/install-deps check
	@tests/check

# The table of docs/performance.md, measured here and now with the program as `make` builds it.
bench:
	@tools/install-deps build
	@[ -f build-bench/build.ninja ] || meson setup build-bench -Dtests=false >/dev/null
	@ninja -C build-bench listward >/dev/null || { ninja -C build-bench listward; exit 1; }
	@LISTWARD_BIN=$${LISTWARD_BIN:-$(CURDIR)/build-bench/listward} tests/bench/run.py --runs $(BENCH_RUNS) --json build-bench/bench.json $(ROWS)

# Killed KILLS times at random under load, and once at each durable step; a seed that failed can be given: make crash LISTWARD_SEED=123
crash: build-crash/build.ninja
	@ninja -C build-crash
	@LISTWARD_KILLS=$(KILLS) tests/check --bin build-crash/listward crash/

build-crash/build.ninja:
	@tools/install-deps check
	@meson setup build-crash -Dtests=false -Dbuildtype=release -Ddebug=true -Dcrash_points=true >/dev/null

# A week of 20,000 postings a day, in simulated time: what is stored stays within bounds.
soak:
	@tools/install-deps check
	@[ -f build-soak/build.ninja ] || meson setup build-soak -Dbuildtype=release >/dev/null
	@ninja -C build-soak src/soak_test >/dev/null || { ninja -C build-soak src/soak_test; exit 1; }
	@LISTWARD_SOAK=full build-soak/src/soak_test

# Each target for TIME seconds; a crash leaves its input in build-fuzz/artifacts/.
fuzz:
	@tools/install-deps check
	@tests/check --fuzz-seconds $(TIME) fuzz/

# What the fuzz targets reach, a line each.
fuzz-coverage:
	@tools/install-deps coverage
	@tools/fuzz-coverage

coverage:
	@tools/install-deps coverage
	@tools/coverage

tsan:
	@tools/install-deps check
	@tools/tsan

valgrind:
	@tools/install-deps valgrind
	@tools/valgrind

# Both commands of a newcomer in a bare Debian 12; needs root.
fresh:
	@tools/install-deps fresh
	@tools/fresh

install: all
	@meson configure build -Dprefix=$(PREFIX) && ninja -C build
	DESTDIR=$(DESTDIR) meson install -C build --no-rebuild

clean:
	rm -rf build build-*
