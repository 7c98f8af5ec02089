#include "courier/retry.h"

int64_t
retry_pause(int64_t first, int64_t max, int attempts)
{
  int64_t pause = first;
  for (int i = 1; i < attempts && pause < max; i++)
    pause *= 2;
  return pause < max ? pause : max;
}

int64_t
retry_next(const struct retry_schedule *schedule, int64_t first_at, int attempts, int64_t now)
{
  int64_t end = first_at + schedule->lifetime;
  if (now >= end)
    return -1;
  int64_t next = now + retry_pause(schedule->first, schedule->max, attempts);
  return next < end ? next : end;
}
