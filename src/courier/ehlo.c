#include "courier/ehlo.h"

static const struct {
  struct slice name;
  size_t offset;
} keywords[] = {
  { { "PIPELINING", 10 }, offsetof(struct ehlo, pipelining) },
  { { "8BITMIME", 8 }, offsetof(struct ehlo, eight_bit) },
  { { "SMTPUTF8", 8 }, offsetof(struct ehlo, smtputf8) },
  { { "ENHANCEDSTATUSCODES", 19 }, offsetof(struct ehlo, enhanced) },
  { { "SIZE", 4 }, offsetof(struct ehlo, size) },
};

void
ehlo_keyword(struct ehlo *ehlo, struct slice words)
{
  struct slice line = slice_trim(words), name = slice_until(line, ' ');
  for (size_t i = 0; i < G_N_ELEMENTS(keywords); i++)
    if (slice_equal_nocase(name, keywords[i].name))
      *(bool *)((char *)ehlo + keywords[i].offset) = true;

  int64_t size;
  if (slice_equal_nocase(name, SLICE("SIZE")) && slice_to_uint(slice_trim(slice_skip(line, name.n)), &size))
    ehlo->size_max = size;
}

enum res
ehlo_read(struct stream *stream, struct ehlo *ehlo, struct smtp_reply *reply, GError **error)
{
  struct slice line;
  enum res res;
  *ehlo = (struct ehlo){ .size_max = 0 };
  smtp_reply_init(reply);
  do {
    res = smtp_reply_read_line(stream, reply, &line, error);
    if ((res == RES_OK || res == RES_MORE) && reply->lines > 1)
      ehlo_keyword(ehlo, smtp_reply_words(line));
  } while (res == RES_MORE);
  return res;
}
