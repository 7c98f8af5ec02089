#pragma once
/* Something that was not reached is left alone for a while: 1 second, doubling each time up to 5 minutes. Pure; locked by its owner. */
#include <stdbool.h>
#include <stdint.h>

struct backoff {
  int64_t since; /* epoch; 0: it was reached when last tried */
  int64_t pause; /* microseconds; 0: none yet */
  int64_t until; /* monotonic: not tried before */
  char error[256];
};

/* It was not reached. `now` is of the epoch. True: a pause begins. False: one is under way, and this was a try that had begun before it. */
bool backoff_failed(struct backoff *backoff, const char *why, int64_t now, int64_t monotonic);
/* It was reached. Gives for how long it was not, in microseconds; -1: it was. */
int64_t backoff_reached(struct backoff *backoff, int64_t now);
/* True: it was not reached when last tried. */
bool backoff_is_down(const struct backoff *backoff);
/* True: it may be tried. */
bool backoff_is_over(const struct backoff *backoff, int64_t monotonic);
/* Ends the pause; if it is not reached then, pauses begin with the shortest again. */
void backoff_retry(struct backoff *backoff);
/* When it is tried next, epoch; 0 if it is not down. */
int64_t backoff_next_try(const struct backoff *backoff, int64_t now, int64_t monotonic);
