#include "net/dot_decoder.h"

enum { LINE_START, AFTER_DOT, AFTER_DOT_CR, IN_LINE, AFTER_CR };

void
dot_decoder_init(struct dot_decoder *decoder, bool bdat)
{
  *decoder = (struct dot_decoder){ .state = LINE_START, .bdat = bdat };
}

static void
put(struct dot_decoder *decoder, GByteArray *out, const char *p, size_t n)
{
  g_byte_array_append(out, (const guint8 *)p, (guint)n);
  decoder->line += n;
  if (decoder->line > MESSAGE_LINE_MAX)
    decoder->long_line = true;
}

static void
put_stray(struct dot_decoder *decoder, GByteArray *out)
{
  decoder->stray++;
  put(decoder, out, " ", 1);
}

/* One octet that begins, continues or ends a line, dots aside. */
static void
feed_plain(struct dot_decoder *decoder, char c, GByteArray *out)
{
  if (decoder->state == AFTER_CR && c == '\n') {
    g_byte_array_append(out, (const guint8 *)"\r\n", 2);
    decoder->line = 0;
    decoder->state = LINE_START;
    return;
  }
  if (decoder->state == AFTER_CR)
    put_stray(decoder, out);
  decoder->state = c == '\r' ? AFTER_CR : IN_LINE;
  if (c == '\n')
    put_stray(decoder, out);
  else if (c != '\r')
    put(decoder, out, &c, 1);
}

/* One octet; true at the end of the message. */
static bool
feed_octet(struct dot_decoder *decoder, char c, GByteArray *out)
{
  switch (decoder->state) {
  case LINE_START:
    if (c == '.' && !decoder->bdat) {
      decoder->state = AFTER_DOT;
      return false;
    }
    break;
  case AFTER_DOT:
    if (c == '\r') {
      decoder->state = AFTER_DOT_CR;
      return false;
    }
    break;
  case AFTER_DOT_CR:
    if (c == '\n')
      return true;
    put_stray(decoder, out);
    break;
  default:
    break;
  }
  feed_plain(decoder, c, out);
  return false;
}

size_t
dot_decoder_feed(struct dot_decoder *decoder, struct slice in, GByteArray *out, bool *end)
{
  *end = false;
  for (size_t i = 0; i < in.n;) {
    size_t from = i;
    if (decoder->state == IN_LINE)
      while (i < in.n && in.p[i] != '\r' && in.p[i] != '\n')
        i++;
    if (i > from)
      put(decoder, out, in.p + from, i - from);
    else if (feed_octet(decoder, in.p[i++], out)) {
      *end = true;
      return i;
    }
  }
  return in.n;
}

void
dot_decoder_finish(struct dot_decoder *decoder, GByteArray *out)
{
  if (decoder->state == AFTER_CR)
    put_stray(decoder, out);
  decoder->state = IN_LINE;
}
