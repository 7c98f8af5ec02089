#include "net/dot_encoder.h"

enum { LINE_START, IN_LINE, AFTER_CR };

void
dot_encoder_init(struct dot_encoder *encoder)
{
  encoder->state = LINE_START;
}

/* The CR that ended the last part, now that its successor `next` is known: half of a line end, or stray. */
static enum res
held_cr(struct dot_encoder *encoder, struct stream *stream, char next, GError **error)
{
  if (next == '\n')
    return stream_write(stream, SLICE("\r"), error);
  encoder->state = IN_LINE;
  return stream_write(stream, SLICE(" "), error);
}

/* How many octets of `s` can go out as they are; updates the state. It stops at the first one that needs something before or instead of itself. */
static size_t
clean_run(struct dot_encoder *encoder, struct slice s)
{
  size_t i = 0;
  for (; i < s.n; i++) {
    char c = s.p[i];
    if (c == '\n') {
      if (encoder->state != AFTER_CR)
        return i;
      encoder->state = LINE_START;
    } else if (c == '\r') {
      if (i + 1 == s.n || s.p[i + 1] != '\n')
        return i;
      encoder->state = AFTER_CR;
    } else if (c == '.' && encoder->state == LINE_START)
      return i;
    else
      encoder->state = IN_LINE;
  }
  return i;
}

/* The first octet of `s`, at which clean_run stopped. */
static enum res
special(struct dot_encoder *encoder, struct stream *stream, struct slice s, GError **error)
{
  if (s.p[0] == '.') {
    encoder->state = IN_LINE;
    return stream_write(stream, SLICE(".."), error);
  }
  if (s.p[0] == '\r' && s.n == 1) {
    encoder->state = AFTER_CR;
    return RES_OK;
  }
  encoder->state = IN_LINE;
  return stream_write(stream, SLICE(" "), error);
}

enum res
dot_encoder_write(struct dot_encoder *encoder, struct stream *stream, struct slice part, GError **error)
{
  enum res res = RES_OK;
  if (part.n > 0 && encoder->state == AFTER_CR)
    res = held_cr(encoder, stream, part.p[0], error);
  while (res == RES_OK && part.n > 0) {
    size_t n = clean_run(encoder, part);
    res = stream_write(stream, slice_head(part, n), error);
    part = slice_skip(part, n);
    if (res == RES_OK && part.n > 0) {
      res = special(encoder, stream, part, error);
      part = slice_skip(part, 1);
    }
  }
  return res;
}

enum res
dot_encoder_end(struct dot_encoder *encoder, struct stream *stream, GError **error)
{
  static const struct slice ends[] = {
    [LINE_START] = { ".\r\n", 3 },
    [IN_LINE] = { "\r\n.\r\n", 5 },
    [AFTER_CR] = { " \r\n.\r\n", 6 },
  };
  return stream_write(stream, ends[encoder->state], error);
}
