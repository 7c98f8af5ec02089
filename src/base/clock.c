#include "base/clock.h"
#include <time.h>

static int64_t
read_clock(clockid_t id)
{
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * CLOCK_SECOND + t.tv_nsec / 1000;
}

int64_t
clock_now(void)
{
  return read_clock(CLOCK_REALTIME);
}

int64_t
clock_monotonic(void)
{
  return read_clock(CLOCK_MONOTONIC);
}
