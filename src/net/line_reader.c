#include "net/line_reader.h"

/* Where the line's CR stands in `s`, looking at `limit` octets of line at most.
 * RES_OK: CRLF at `*at`. RES_MORE: none yet; the first `*at` octets are clean and hold no CR. RES_BAD: bare CR, bare LF or NUL. */
static enum res
line_end(struct slice s, size_t *at)
{
  size_t i = 0;
  while (i < s.n && s.p[i] != '\r' && s.p[i] != '\n' && s.p[i] != '\0')
    i++;
  *at = i;
  if (i == s.n || (s.p[i] == '\r' && i + 1 == s.n))
    return RES_MORE;
  return s.p[i] == '\r' && s.p[i + 1] == '\n' ? RES_OK : RES_BAD;
}

enum res
line_reader_next(struct stream *stream, struct slice *line, GError **error)
{
  bool too_long = false;
  for (;;) {
    struct slice pending = stream_pending(stream);
    size_t at;
    enum res res = line_end(pending, &at);
    if (res == RES_BAD)
      return refuse(error, REPLY_BARE_LINE_END, "CR without LF, LF without CR, or NUL in a line");
    too_long = too_long || at > LINE_MAX_OCTETS;
    if (res == RES_OK) {
      stream_consume(stream, at + 2);
      *line = slice_head(pending, at);
      return too_long ? refuse(error, REPLY_LINE_TOO_LONG, "a line of more than %d octets", LINE_MAX_OCTETS) : RES_OK;
    }
    if (too_long)
      stream_consume(stream, at);
    res = stream_fill(stream, error);
    if (res != RES_OK)
      return res;
  }
}
