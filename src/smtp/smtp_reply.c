#include "smtp/smtp_reply.h"
#include "net/line_reader.h"

void
smtp_reply_init(struct smtp_reply *reply)
{
  *reply = (struct smtp_reply){ .code = 0 };
}

/* Length of "5.1.1" at the start of `words` if it is an enhanced status code of class `class` followed by a blank or nothing (RFC 2034), else 0. */
static size_t
enhanced_length(struct slice words, int class)
{
  size_t at = 0;
  if (words.n < 5 || words.p[0] != (char)('0' + class) || words.p[1] != '.')
    return 0;
  at = 2;
  for (int part = 0; part < 2; part++) {
    size_t digits = 0;
    while (at < words.n && g_ascii_isdigit(words.p[at]) && digits < 3) {
      at++;
      digits++;
    }
    if (digits == 0)
      return 0;
    if (part == 0 && (at == words.n || words.p[at++] != '.'))
      return 0;
  }
  return at == words.n || words.p[at] == ' ' ? at : 0;
}

static void
append_text(struct smtp_reply *reply, struct slice words)
{
  size_t at = strlen(reply->text);
  if (at > 0 && at < SMTP_REPLY_TEXT_MAX && words.n > 0)
    reply->text[at++] = ' ';
  for (size_t i = 0; i < words.n && at < SMTP_REPLY_TEXT_MAX; i++)
    reply->text[at++] = g_ascii_iscntrl(words.p[i]) ? ' ' : words.p[i];
  reply->text[at] = '\0';
}

struct slice
smtp_reply_words(struct slice line)
{
  return slice_skip(line, 4);
}

enum res
smtp_reply_line(struct smtp_reply *reply, struct slice line, GError **error)
{
  if (line.n < 3 || line.p[0] < '2' || line.p[0] > '5' || !g_ascii_isdigit(line.p[1]) || !g_ascii_isdigit(line.p[2]) ||
      (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-'))
    return refuse(error, REPLY_SYNTAX, "not an SMTP reply: \"%.*s\"", SLICE_FMT(slice_head(line, 60)));
  int code = (line.p[0] - '0') * 100 + (line.p[1] - '0') * 10 + (line.p[2] - '0');
  if (reply->lines > 0 && code != reply->code)
    return refuse(error, REPLY_SYNTAX, "a reply of several lines with the codes %d and %d", reply->code, code);
  if (++reply->lines > SMTP_REPLY_LINES_MAX)
    return refuse(error, REPLY_SYNTAX, "a reply of more than %d lines", SMTP_REPLY_LINES_MAX);

  struct slice words = smtp_reply_words(line);
  size_t enhanced = enhanced_length(words, code / 100);
  if (reply->lines == 1) {
    reply->code = code;
    memcpy(reply->enhanced, words.p, enhanced);
    reply->enhanced[enhanced] = '\0';
    append_text(reply, slice_head(line, 3));
    append_text(reply, words);
  } else
    append_text(reply, slice_trim(slice_skip(words, enhanced)));
  return line.n > 3 && line.p[3] == '-' ? RES_MORE : RES_OK;
}

enum res
smtp_reply_read_line(struct stream *stream, struct smtp_reply *reply, struct slice *line, GError **error)
{
  enum res res = line_reader_next(stream, line, error);
  if (res == RES_MORE)
    return trouble(error, REPLY_TROUBLE, "the server closed the connection");
  return res == RES_OK ? smtp_reply_line(reply, *line, error) : res;
}

enum res
smtp_reply_read(struct stream *stream, struct smtp_reply *reply, GError **error)
{
  struct slice line;
  enum res res;
  smtp_reply_init(reply);
  do
    res = smtp_reply_read_line(stream, reply, &line, error);
  while (res == RES_MORE);
  return res;
}

char *
smtp_reply_text(const struct smtp_reply *reply)
{
  return g_utf8_make_valid(reply->text, -1);
}
