#include "net/dot_encoder.h"
#include "net/dot_decoder.h"
#include "net/memory_peer.h"

/* Encodes `input` cut at `split`; owned by the caller. */
static GString *
encode(struct slice input, size_t split, size_t piece)
{
  struct memory_peer peer = { 0 };
  OWN(stream) stream = memory_peer_stream(&peer);
  struct dot_encoder encoder;
  dot_encoder_init(&encoder);
  if (piece > 0)
    for (size_t i = 0; i < input.n; i += piece)
      g_assert_cmpint(dot_encoder_write(&encoder, stream, slice_head(slice_skip(input, i), piece), NULL), ==, RES_OK);
  else {
    g_assert_cmpint(dot_encoder_write(&encoder, stream, slice_head(input, split), NULL), ==, RES_OK);
    g_assert_cmpint(dot_encoder_write(&encoder, stream, slice_skip(input, split), NULL), ==, RES_OK);
  }
  g_assert_cmpint(dot_encoder_end(&encoder, stream, NULL), ==, RES_OK);
  g_assert_cmpint(stream_flush(stream, NULL), ==, RES_OK);
  return peer.output;
}

static const struct {
  const char *name, *input, *want;
} rows[] = {
  { .name = "empty", .input = "", .want = ".\r\n" },
  { .name = "one line", .input = "a\r\n", .want = "a\r\n.\r\n" },
  { .name = "no CRLF at the end", .input = "a", .want = "a\r\n.\r\n" },
  { .name = "CR at the end", .input = "a\r", .want = "a \r\n.\r\n" },
  { .name = "LF at the end", .input = "a\n", .want = "a \r\n.\r\n" },
  { .name = "lonely dot", .input = "a\r\n.\r\nb\r\n", .want = "a\r\n..\r\nb\r\n.\r\n" },
  { .name = "first octet a dot", .input = ".a\r\n", .want = "..a\r\n.\r\n" },
  { .name = "dots in a line", .input = "a.b..\r\n", .want = "a.b..\r\n.\r\n" },
  { .name = "LF dot CRLF", .input = "a\n.\r\n", .want = "a .\r\n.\r\n" },
  { .name = "CR dot CR", .input = "a\r.\rb\r\n", .want = "a . b\r\n.\r\n" },
  { .name = "CR CR LF dot", .input = "a\r\r\n.", .want = "a \r\n..\r\n.\r\n" },
  { .name = "LF CR LF dot", .input = "\n\r\n.\r\n", .want = " \r\n..\r\n.\r\n" },
  { .name = "LF first", .input = "\n.", .want = " .\r\n.\r\n" },
  { .name = "empty lines", .input = "\r\n\r\n", .want = "\r\n\r\n.\r\n" },
};

static void
test_rows(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct slice input = slice_of(rows[i].input);
    for (size_t split = 0; split <= input.n + 1; split++) {
      g_autoptr(GString) got = split > input.n ? encode(input, 0, 1) : encode(input, split, 0);
      if (strcmp(got->str, rows[i].want) != 0) {
        g_autofree char *text = g_strescape(got->str, NULL);
        g_error("%s, split at %zu: \"%s\"", rows[i].name, split, text);
      }
    }
  }
}

/* Random text from few octets, so that each of their sequences occurs; with `clean` only CRLF line ends, the last one included. */
static GString *
random_text(GRand *rand, bool clean)
{
  static const char *const octets[] = { ".", "..", "\r\n", "a", "\0", "\xe4", "\r", "\n" };
  GString *text = g_string_new(NULL);
  int n = g_rand_int_range(rand, 0, 60);
  for (int i = 0; i < n; i++) {
    int at = g_rand_int_range(rand, 0, clean ? 6 : 8);
    g_string_append_len(text, octets[at], at == 4 ? 1 : (gssize)strlen(octets[at]));
  }
  if (clean)
    g_string_append(text, "\r\n");
  return text;
}

/* What the decoder makes of the encoder's output, stray ones replaced by nobody but the encoder. */
static GByteArray *
decode(const GString *wire)
{
  struct dot_decoder decoder;
  GByteArray *out = g_byte_array_new();
  bool end;
  dot_decoder_init(&decoder, false);
  size_t used = dot_decoder_feed(&decoder, (struct slice){ wire->str, wire->len }, out, &end);
  g_assert_true(end);
  g_assert_cmpuint(used, ==, wire->len);
  g_assert_cmpint(decoder.stray, ==, 0);
  return out;
}

static void
test_there_and_back(void)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed(20261122);
  for (int i = 0; i < 20000; i++) {
    g_autoptr(GString) text = random_text(rand, i % 2 == 0);
    g_autoptr(GString) wire = encode((struct slice){ text->str, text->len }, 0, (size_t)g_rand_int_range(rand, 1, 70));
    g_autoptr(GByteArray) back = decode(wire);
    if (i % 2 == 0)
      g_assert_true(back->len == text->len && memcmp(back->data, text->str, text->len) == 0);
    else
      g_assert_cmpuint(back->len, >=, text->len);
  }
}

/* A clean run is written from where it lies. */
static void
test_not_copied(void)
{
  g_autofree char *octets = g_strnfill(1024 * 1024, 'x');
  struct memory_peer peer = { 0 };
  OWN(stream) stream = memory_peer_stream(&peer);
  struct dot_encoder encoder;
  dot_encoder_init(&encoder);
  g_assert_cmpint(dot_encoder_write(&encoder, stream, slice_of(octets), NULL), ==, RES_OK);
  g_assert_cmpint(peer.writes, ==, 1);
  g_assert_cmpuint(peer.output->len, ==, 1024 * 1024);
  g_string_free(peer.output, TRUE);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/dot-encoder/rows", test_rows);
  g_test_add_func("/dot-encoder/there-and-back", test_there_and_back);
  g_test_add_func("/dot-encoder/not-copied", test_not_copied);
  return g_test_run();
}
