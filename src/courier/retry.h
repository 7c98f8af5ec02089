#pragma once
/* When to try again. Pure; times in microseconds. */
#include <stdint.h>

struct retry_schedule {
  int64_t first;    /* after the first refusal */
  int64_t max;      /* it doubles up to this */
  int64_t lifetime; /* from the first refusal on; after that it has failed */
};

/* The pause after `attempts` failures (1 or more). */
int64_t retry_pause(int64_t first, int64_t max, int attempts);
/* When a recipient that was refused for the first time at `first_at` and now for the `attempts`th time is tried again: once more exactly at
 * the end of its lifetime, and -1 after that. */
int64_t retry_next(const struct retry_schedule *schedule, int64_t first_at, int attempts, int64_t now);
