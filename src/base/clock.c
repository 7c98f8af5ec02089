#include "base/clock.h"
#include <glib.h>
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

char *
clock_mail_date(int64_t at)
{
  static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
  static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
  time_t seconds = (time_t)(at / CLOCK_SECOND);
  struct tm tm = { 0 };
  gmtime_r(&seconds, &tm);
  return g_strdup_printf("%s, %d %s %04d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
                         tm.tm_hour, tm.tm_min, tm.tm_sec);
}
