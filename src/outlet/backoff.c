#include "outlet/backoff.h"
#include "base/clock.h"
#include <glib.h>

#define PAUSE_FIRST CLOCK_SECOND
#define PAUSE_LAST (5 * CLOCK_MINUTE)

bool
backoff_failed(struct backoff *backoff, const char *why, int64_t now, int64_t monotonic)
{
  if (backoff_is_down(backoff) && monotonic < backoff->until)
    return false;
  if (!backoff_is_down(backoff))
    backoff->since = now;
  backoff->pause = backoff->pause ? MIN(backoff->pause * 2, PAUSE_LAST) : PAUSE_FIRST;
  backoff->until = monotonic + backoff->pause;
  g_strlcpy(backoff->error, why, sizeof(backoff->error));
  return true;
}

int64_t
backoff_reached(struct backoff *backoff, int64_t now)
{
  int64_t after = backoff_is_down(backoff) ? MAX(now - backoff->since, 0) : -1;
  *backoff = (struct backoff){ .since = 0 };
  return after;
}

bool
backoff_is_down(const struct backoff *backoff)
{
  return backoff->since != 0;
}

bool
backoff_is_over(const struct backoff *backoff, int64_t monotonic)
{
  return !backoff_is_down(backoff) || monotonic >= backoff->until;
}

void
backoff_retry(struct backoff *backoff)
{
  backoff->pause = 0;
  backoff->until = 0;
}

int64_t
backoff_next_try(const struct backoff *backoff, int64_t now, int64_t monotonic)
{
  return backoff_is_down(backoff) ? now + MAX(backoff->until - monotonic, 0) : 0;
}
