# The two commands of a newcomer are `make run` and `make check`. Meson builds; this file only remembers how to call it.
PREFIX ?= /usr/local
DESTDIR ?=
# DEMO=--once ends the demo after its message was delivered
DEMO ?=

.PHONY: all run check fuzz coverage fresh install clean

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

# Each target for a minute; a crash leaves its input in build-fuzz/artifacts/.
fuzz:
	@tools/install-deps check
	@tests/check --fuzz-seconds 60 fuzz/

coverage:
	@tools/install-deps coverage
	@tools/coverage

# Both commands of a newcomer in a bare Debian 12; needs root.
fresh:
	@tools/install-deps fresh
	@tools/fresh

install: all
	@meson configure build -Dprefix=$(PREFIX) && ninja -C build
	DESTDIR=$(DESTDIR) meson install -C build --no-rebuild

clean:
	rm -rf build build-*
