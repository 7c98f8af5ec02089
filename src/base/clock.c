#include "base/clock.h"
#include <glib.h>
#include <time.h>
#ifdef LISTWARD_CRASH_POINTS
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

static int64_t
read_clock(clockid_t id)
{
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * CLOCK_SECOND + t.tv_nsec / 1000;
}

#ifdef LISTWARD_CRASH_POINTS

/* For tests: LISTWARD_CLOCK_FILE names a file of 8 octets, the microseconds by which the clock is wrong. Whoever writes there sets the clock. */
static const _Atomic int64_t *error_of_clock;
static pthread_once_t error_once = PTHREAD_ONCE_INIT;

static void
map_error(void)
{
  const char *path = getenv("LISTWARD_CLOCK_FILE");
  int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *error_of_clock, PROT_READ, MAP_SHARED, fd, 0);
  if (map != MAP_FAILED)
    error_of_clock = map;
  if (fd >= 0)
    close(fd);
}

static int64_t
clock_error(void)
{
  pthread_once(&error_once, map_error);
  return error_of_clock ? atomic_load(error_of_clock) : 0;
}

#else
#define clock_error() 0
#endif

int64_t
clock_now(void)
{
  return read_clock(CLOCK_REALTIME) + clock_error();
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
