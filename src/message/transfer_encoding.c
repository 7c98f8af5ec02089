#include "message/transfer_encoding.h"
#include <gmime/gmime.h>

/* Octets of an encoded line at most (RFC 2045 6.7 and 6.8), and those of content that fill one of base64. */
#define ENCODED_LINE_MAX 76
#define BASE64_LINE_OCTETS (ENCODED_LINE_MAX / 4 * 3)

bool
transfer_encoding_is_seven_bit(struct slice text)
{
  size_t line = 0;
  for (size_t i = 0; i < text.n; i++) {
    unsigned char c = (unsigned char)text.p[i];
    if (c == '\r' && i + 1 < text.n && text.p[i + 1] == '\n') {
      line = 0;
      i++;
    } else if (c == '\0' || c > 127 || c == '\r' || c == '\n' || ++line > LINE_OCTETS_MAX) {
      return false;
    }
  }
  return true;
}

static bool
is_printable(char c)
{
  return c > 32 && c < 127 && c != '=';
}

/* RFC 2045 6.7: octet `at` of a line without its CRLF stands for itself. */
static bool
stands_for_itself(struct slice line, size_t at, size_t column)
{
  char c = line.p[at];
  bool last = at + 1 == line.n;
  if (c == ' ' || c == '\t')
    return !last;
  if (c == '-' && column == 0 && !last && line.p[at + 1] == '-')
    return false;
  return is_printable(c);
}

static void
append_octet(GString *out, char c)
{
  static const char digits[] = "0123456789ABCDEF";
  unsigned char octet = (unsigned char)c;
  char text[] = { '=', digits[octet >> 4], digits[octet & 15] };
  g_string_append_len(out, text, sizeof text);
}

static void
quoted_printable_line(struct slice line, GString *out)
{
  size_t column = 0;
  for (size_t i = 0; i < line.n; i++) {
    size_t width = stands_for_itself(line, i, column) ? 1 : 3;
    /* One column is the soft line end's, but in the last line. */
    if (column + width > ENCODED_LINE_MAX - (i + 1 < line.n ? 1 : 0)) {
      g_string_append(out, "=\r\n");
      column = 0;
      width = stands_for_itself(line, i, column) ? 1 : 3;
    }
    if (width == 1)
      g_string_append_c(out, line.p[i]);
    else
      append_octet(out, line.p[i]);
    column += width;
  }
}

void
transfer_encoding_quoted_printable(struct slice content, GString *out)
{
  while (content.n) {
    struct slice line = slice_line(content);
    bool ended = slice_ends_nocase(line, SLICE("\r\n"));
    quoted_printable_line(slice_head(line, line.n - (ended ? 2 : 0)), out);
    if (ended)
      g_string_append(out, "\r\n");
    content = slice_skip(content, line.n);
  }
}

void
transfer_encoding_base64(struct slice content, GString *out)
{
  for (size_t i = 0; i < content.n; i += BASE64_LINE_OCTETS) {
    struct slice part = slice_head(slice_skip(content, i), BASE64_LINE_OCTETS);
    char line[ENCODED_LINE_MAX + 8];
    int state = 0, save = 0;
    size_t n = g_base64_encode_step((const guchar *)part.p, part.n, FALSE, line, &state, &save);
    n += g_base64_encode_close(FALSE, line + n, &state, &save);
    if (i)
      g_string_append(out, "\r\n");
    g_string_append_len(out, line, (gssize)n);
  }
}

bool
transfer_encoding_prefers_base64(struct slice content)
{
  size_t encoded = 0;
  for (size_t i = 0; i < content.n; i++)
    encoded += !is_printable(content.p[i]) && !strchr(" \t\r\n", content.p[i] ? content.p[i] : '=');
  size_t quoted_printable = content.n + 2 * encoded, base64 = (content.n + 2) / 3 * 4;
  return 3 * base64 < 2 * quoted_printable;
}

static void
append_alphabet(struct slice line, GString *out)
{
  size_t column = 0;
  for (size_t i = 0; i < line.n; i++) {
    char c = line.p[i];
    if (!g_ascii_isalnum(c) && c != '+' && c != '/' && c != '=')
      continue;
    if (column == ENCODED_LINE_MAX) {
      g_string_append(out, "\r\n");
      column = 0;
    }
    g_string_append_c(out, c);
    column++;
  }
}

void
transfer_encoding_repair_base64(struct slice content, GString *out)
{
  while (content.n) {
    struct slice line = slice_line(content);
    if (transfer_encoding_is_seven_bit(line)) {
      g_string_append_len(out, line.p, (gssize)line.n);
    } else {
      append_alphabet(line, out);
      if (slice_ends_nocase(line, SLICE("\r\n")))
        g_string_append(out, "\r\n");
    }
    content = slice_skip(content, line.n);
  }
}

void
transfer_encoding_decode_quoted_printable(struct slice content, GString *out)
{
  GMimeEncoding decoder;
  g_mime_encoding_init_decode(&decoder, GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
  size_t start = out->len;
  g_string_set_size(out, start + g_mime_encoding_outlen(&decoder, content.n));
  size_t n = content.n ? g_mime_encoding_flush(&decoder, content.p, content.n, out->str + start) : 0;
  g_string_truncate(out, start + n);
}
