#pragma once
/* How fast a peer sends: the octets that came against the time that was waited for them. Our own work between two waits is not the peer's.
 * Times in microseconds. */
#include <stdbool.h>
#include <stdint.h>

struct pace {
  int64_t octets, waited;
};

/* When a wait that begins at `now` makes the peer slower than `rate` octets a second, of all that it has sent and all that was waited; what was
 * waited up to `grace` is forgiven. INT64_MAX: never (`rate` is 0). May lie before `now`. */
int64_t pace_deadline(const struct pace *pace, int64_t now, int64_t rate, int64_t grace);
