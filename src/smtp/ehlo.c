#include "smtp/ehlo.h"

#define FLAG(text, field) { { text, sizeof(text) - 1 }, offsetof(struct ehlo, field) }

struct flag {
  struct slice name;
  size_t offset;
};

static const struct flag keywords[] = {
  FLAG("PIPELINING", pipelining), /* RFC 2920 */
  FLAG("CHUNKING", chunking),     /* RFC 3030 */
  FLAG("8BITMIME", eight_bit),    /* RFC 6152 */
  FLAG("SMTPUTF8", smtputf8),     /* RFC 6531 */
  FLAG("DSN", dsn),               /* RFC 3461 */
  FLAG("XVERP", xverp),           /* Postfix */
  FLAG("STARTTLS", starttls),     /* RFC 3207 */
  FLAG("SIZE", size),             /* RFC 1870 */
};

static const struct flag mechanisms[] = {
  FLAG("PLAIN", auth_plain), /* RFC 4616 */
  FLAG("LOGIN", auth_login),
};

static void
set_flag(struct ehlo *ehlo, struct slice name, const struct flag *flags, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (slice_equal_nocase(name, flags[i].name))
      *(bool *)((char *)ehlo + flags[i].offset) = true;
}

static bool
is_ignored(struct slice name, const char *const *ignore)
{
  for (; ignore && *ignore; ignore++)
    if (slice_equal_nocase(name, slice_of(*ignore)))
      return true;
  return false;
}

/* RFC 4954 3; "AUTH=LOGIN PLAIN" is how it was said before the RFC. */
void
ehlo_keyword(struct ehlo *ehlo, struct slice words, const char *const *ignore)
{
  struct slice line = slice_trim(words), name = slice_until(line, ' ');
  if (slice_starts_nocase(name, SLICE("AUTH=")))
    name.n = strlen("AUTH");
  if (is_ignored(name, ignore))
    return;
  set_flag(ehlo, name, keywords, G_N_ELEMENTS(keywords));

  struct slice rest = slice_trim(slice_skip(line, name.n));
  int64_t size;
  if (slice_equal_nocase(name, SLICE("SIZE")) && slice_to_uint(rest, &size))
    ehlo->size_max = size;
  if (!slice_equal_nocase(name, SLICE("AUTH")))
    return;
  if (slice_starts_nocase(rest, SLICE("=")))
    rest = slice_skip(rest, 1);
  while (rest.n > 0) {
    struct slice mechanism = slice_until(rest, ' ');
    set_flag(ehlo, mechanism, mechanisms, G_N_ELEMENTS(mechanisms));
    rest = slice_trim(slice_skip(rest, mechanism.n));
  }
}

enum res
ehlo_read(struct stream *stream, struct ehlo *ehlo, const char *const *ignore, struct smtp_reply *reply, GError **error)
{
  struct slice line;
  enum res res;
  *ehlo = (struct ehlo){ .size_max = 0 };
  smtp_reply_init(reply);
  do {
    res = smtp_reply_read_line(stream, reply, &line, error);
    if ((res == RES_OK || res == RES_MORE) && reply->lines > 1)
      ehlo_keyword(ehlo, smtp_reply_words(line), ignore);
  } while (res == RES_MORE);
  return res;
}
