#include "base/slice.h"

bool
slice_equal(struct slice a, struct slice b)
{
  return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
slice_equal_secret(struct slice a, struct slice b)
{
  if (a.n != b.n)
    return false;
  volatile unsigned char different = 0;
  for (size_t i = 0; i < a.n; i++)
    different = different | (unsigned char)(a.p[i] ^ b.p[i]);
  return different == 0;
}

bool
slice_equal_nocase(struct slice a, struct slice b)
{
  if (a.n != b.n)
    return false;
  for (size_t i = 0; i < a.n; i++)
    if (g_ascii_tolower(a.p[i]) != g_ascii_tolower(b.p[i]))
      return false;
  return true;
}

bool
slice_starts_nocase(struct slice s, struct slice prefix)
{
  return s.n >= prefix.n && slice_equal_nocase(slice_head(s, prefix.n), prefix);
}

bool
slice_ends_nocase(struct slice s, struct slice suffix)
{
  return s.n >= suffix.n && slice_equal_nocase(slice_skip(s, s.n - suffix.n), suffix);
}

size_t
slice_find(struct slice s, char c)
{
  const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;
  return hit ? (size_t)(hit - s.p) : s.n;
}

struct slice
slice_line(struct slice text)
{
  const char *end = text.n ? memmem(text.p, text.n, "\r\n", 2) : NULL;
  return end ? slice_head(text, (size_t)(end - text.p) + 2) : text;
}

struct slice
slice_until(struct slice s, char c)
{
  return slice_head(s, slice_find(s, c));
}

static bool
is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice
slice_trim(struct slice s)
{
  while (s.n && is_blank(s.p[0]))
    s = slice_skip(s, 1);
  while (s.n && is_blank(s.p[s.n - 1]))
    s.n--;
  return s;
}

bool
slice_to_uint(struct slice s, int64_t *value)
{
  if (s.n == 0 || s.n > 18)
    return false;
  int64_t sum = 0;
  for (size_t i = 0; i < s.n; i++) {
    if (!g_ascii_isdigit(s.p[i]))
      return false;
    sum = sum * 10 + (s.p[i] - '0');
  }
  *value = sum;
  return true;
}
