#pragma once
/* Time. Functions that decide by time take `now` as an argument; only threads' outermost loops read a clock. */
#include <stdint.h>

#define CLOCK_SECOND INT64_C(1000000)
#define CLOCK_MINUTE (60 * CLOCK_SECOND)
#define CLOCK_HOUR (60 * CLOCK_MINUTE)
#define CLOCK_DAY (24 * CLOCK_HOUR)

/* Microseconds since 1970, UTC. What the database stores. */
int64_t clock_now(void);
/* Microseconds of a clock that nobody sets. For deadlines. */
int64_t clock_monotonic(void);
/* `at`, as clock_now gives it, for a mail's header: "Sun, 22 Nov 2026 10:00:00 +0000" (RFC 5322 3.3); owned by the caller. */
char *clock_mail_date(int64_t at);
