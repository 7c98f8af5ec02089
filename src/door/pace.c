#include "door/pace.h"
#include "base/clock.h"
#include <glib.h>

int64_t
pace_deadline(const struct pace *pace, int64_t now, int64_t rate, int64_t grace)
{
  if (rate <= 0)
    return INT64_MAX;
  int64_t earned = pace->octets / rate * CLOCK_SECOND + pace->octets % rate * CLOCK_SECOND / rate;
  return now + MAX(grace, earned) - pace->waited;
}
