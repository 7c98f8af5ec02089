#include "net/dot_decoder.h"

static size_t
decode(struct slice in, size_t piece, bool bdat, GByteArray *out, bool *end)
{
  struct dot_decoder decoder;
  dot_decoder_init(&decoder, bdat);
  size_t at = 0;
  *end = false;
  while (at < in.n && !*end) {
    size_t before = out->len;
    struct slice part = slice_head(slice_skip(in, at), piece);
    size_t n = dot_decoder_feed(&decoder, part, out, end);
    g_assert(n == part.n || *end);
    g_assert(out->len - before <= n + 1);
    at += n;
  }
  if (bdat)
    dot_decoder_finish(&decoder, out);
  return at;
}

/* Every CR has its LF and every LF its CR; a CR may come last where the message is not over. */
static void
check_line_ends(const GByteArray *out)
{
  for (guint i = 0; i < out->len; i++) {
    if (out->data[i] == '\n')
      g_assert(i > 0 && out->data[i - 1] == '\r');
    if (out->data[i] == '\r')
      g_assert(i + 1 < out->len && out->data[i + 1] == '\n');
  }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size == 0)
    return 0;
  bool bdat = data[0] & 1, whole_end, piece_end;
  struct slice in = { (const char *)data + 1, size - 1 };
  g_autoptr(GByteArray) whole = g_byte_array_new();
  g_autoptr(GByteArray) pieces = g_byte_array_new();
  size_t whole_used = decode(in, SIZE_MAX, bdat, whole, &whole_end);
  size_t pieces_used = decode(in, data[0] / 2 % 5 + 1, bdat, pieces, &piece_end);
  g_assert(whole_end == piece_end && whole_used == pieces_used && whole->len == pieces->len);
  g_assert(whole->len == 0 || memcmp(whole->data, pieces->data, whole->len) == 0);
  g_assert(!whole_end || !bdat);
  check_line_ends(whole);
  return 0;
}
