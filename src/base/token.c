#include "base/token.h"
#include "base/clock.h"
#include <glib.h>
#include <stdatomic.h>
#include <sys/random.h>

#define TIME_LETTERS 10

static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

void
token_random(char *out, size_t length)
{
  size_t done = 0;
  while (done < length) {
    unsigned char octets[64];
    ssize_t n = getrandom(octets, sizeof octets, 0);
    g_assert(n > 0);
    for (ssize_t i = 0; i < n && done < length; i++)
      if (octets[i] < 252) /* 7 * 36: no letter is likelier than another */
        out[done++] = digits[octets[i] % 36];
  }
  out[length] = '\0';
}

/* Microseconds since 1970; each is given out once, also when the clock is set back. */
static int64_t
next_time(void)
{
  static _Atomic int64_t last;
  int64_t before = atomic_load(&last), time;
  do
    time = MAX(clock_now(), before + 1);
  while (!atomic_compare_exchange_weak(&last, &before, time));
  return time;
}

void
token_id(char *out)
{
  uint64_t time = (uint64_t)next_time();
  token_random(out, TOKEN_ID);
  for (size_t i = TIME_LETTERS; i-- > 0; time /= 36)
    out[i] = digits[time % 36];
}
