#include "base/token.h"
#include <glib.h>
#include <sys/random.h>

void
token_random(char *out, size_t length)
{
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  size_t done = 0;
  while (done < length) {
    unsigned char octets[64];
    ssize_t n = getrandom(octets, sizeof octets, 0);
    g_assert(n > 0);
    for (ssize_t i = 0; i < n && done < length; i++)
      if (octets[i] < 252) /* 7 * 36: no letter is likelier than another */
        out[done++] = letters[octets[i] % 36];
  }
  out[length] = '\0';
}
