#include "message/transfer_encoding.h"
#include <gmime/gmime.h>

#define W50 "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"
#define W250 W50 W50 W50 W50 W50
#define W998 W250 W250 W250 W50 W50 W50 W50 "123456789012345678901234567890123456789012345678"

static const struct {
  const char *name;
  struct slice input;
  bool want;
} seven_bit_rows[] = {
  { .name = "nothing", .input = SLICE(""), .want = true },
  { .name = "lines", .input = SLICE("a\r\n\r\n\tb\x7f"), .want = true },
  { .name = "octet above 127", .input = SLICE("a\x80") },
  { .name = "NUL", .input = SLICE("a\0b") },
  { .name = "LF", .input = SLICE("a\nb") },
  { .name = "CR", .input = SLICE("a\rb") },
  { .name = "CR at the end", .input = SLICE("a\r") },
  { .name = "CR CR LF", .input = SLICE("a\r\r\n") },
  { .name = "998 octets", .input = SLICE("x\r\n" W998 "\r\n" W998), .want = true },
  { .name = "999 octets", .input = SLICE(W998 "x\r\n") },
};

typedef void encode(struct slice content, GString *out);

static const struct {
  const char *name;
  encode *encode;
  struct slice input;
  const char *want;
} rows[] = {
  { .name = "nothing", .encode = transfer_encoding_quoted_printable, .input = SLICE(""), .want = "" },
  { .name = "octets", .encode = transfer_encoding_quoted_printable, .input = SLICE("a\xc3\xa4=~\x7f\0\x01"),
    .want = "a=C3=A4=3D~=7F=00=01" },
  { .name = "line ends", .encode = transfer_encoding_quoted_printable, .input = SLICE("a\r\n\r\nb\rc\nd\r"),
    .want = "a\r\n\r\nb=0Dc=0Ad=0D" },
  { .name = "blanks", .encode = transfer_encoding_quoted_printable, .input = SLICE("a \tb \r\n\t\r\n \t"),
    .want = "a \tb=20\r\n=09\r\n =09" },
  { .name = "76 octets", .encode = transfer_encoding_quoted_printable, .input = SLICE(W50 "12345678901234567890123456\r\n"),
    .want = W50 "12345678901234567890123456\r\n" },
  { .name = "77 octets", .encode = transfer_encoding_quoted_printable, .input = SLICE(W50 "123456789012345678901234567"),
    .want = W50 "1234567890123456789012345=\r\n67" },
  { .name = "no cut within an octet", .encode = transfer_encoding_quoted_printable, .input = SLICE(W50 "12345678901234567890123\xffx"),
    .want = W50 "12345678901234567890123=\r\n=FFx" },
  { .name = "an octet at the end of a line", .encode = transfer_encoding_quoted_printable,
    .input = SLICE(W50 "12345678901234567890123\xff"),
    .want = W50 "12345678901234567890123=FF" },
  { .name = "no boundaries", .encode = transfer_encoding_quoted_printable,
    .input = SLICE("--a\r\n-a\r\n-- \r\n" W50 "1234567890123456789012345--b"),
    .want = "=2D-a\r\n-a\r\n=2D-=20\r\n" W50 "1234567890123456789012345=\r\n=2D-b" },
  { .name = "base64 of nothing", .encode = transfer_encoding_base64, .input = SLICE(""), .want = "" },
  { .name = "base64", .encode = transfer_encoding_base64, .input = SLICE("\xff\0\r\n"), .want = "/wANCg==" },
  { .name = "base64 of 57 octets", .encode = transfer_encoding_base64, .input = SLICE(W50 "1234567"),
    .want = "d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3cxMjM0NTY3" },
  { .name = "base64 of 58 octets", .encode = transfer_encoding_base64, .input = SLICE(W50 "12345678"),
    .want = "d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3cxMjM0NTY3\r\nOA==" },
  { .name = "repair: nothing to do", .encode = transfer_encoding_repair_base64, .input = SLICE("AA -\r\n\r\n--"),
    .want = "AA -\r\n\r\n--" },
  { .name = "repair: bad octets", .encode = transfer_encoding_repair_base64, .input = SLICE("AA A\r\n-\xff-A\nA=\r=\r\n--x"),
    .want = "AA A\r\nAA==\r\n--x" },
  { .name = "repair: long line", .encode = transfer_encoding_repair_base64, .input = SLICE(W998 "x"), .want = NULL },
  { .name = "decode", .encode = transfer_encoding_decode_quoted_printable, .input = SLICE("a=C3=\r\n=a4\xff=0D=0A=XY\r\n"),
    .want = "a\xc3\xa4\xff\r\n=XY\r\n" },
  { .name = "decode nothing", .encode = transfer_encoding_decode_quoted_printable, .input = SLICE(""), .want = "" },
};

static void
test_seven_bit(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(seven_bit_rows); i++)
    if (transfer_encoding_is_seven_bit(seven_bit_rows[i].input) != seven_bit_rows[i].want)
      g_error("%s", seven_bit_rows[i].name);
}

static void
test_rows(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GString) out = g_string_new(">");
    rows[i].encode(rows[i].input, out);
    g_test_message("%s", rows[i].name);
    if (rows[i].want)
      g_assert_cmpstr(out->str + 1, ==, rows[i].want);
    else
      g_assert_true(transfer_encoding_is_seven_bit((struct slice){ out->str, out->len }));
  }
}

static void
assert_decodes(GMimeContentEncoding encoding, const GString *encoded, struct slice content)
{
  GMimeEncoding decoder;
  g_mime_encoding_init_decode(&decoder, encoding);
  g_autofree char *decoded = g_malloc(g_mime_encoding_outlen(&decoder, encoded->len) + 1);
  size_t n = g_mime_encoding_flush(&decoder, encoded->str, encoded->len, decoded);
  g_assert_true(slice_equal((struct slice){ decoded, n }, content));

  g_auto(GStrv) lines = g_strsplit(encoded->str, "\r\n", -1);
  for (char **line = lines; *line; line++) {
    g_assert_cmpuint(strlen(*line), <=, 76);
    g_assert_false(g_str_has_prefix(*line, "--"));
  }
  g_assert_true(transfer_encoding_is_seven_bit((struct slice){ encoded->str, encoded->len }));
}

/* GMime decodes what was encoded, at every length, of octets that all encode differently. */
static void
test_decoded(void)
{
  static const char octets[] = "a- =\xff\r\n\t--\0.\xc3\xa4 \rx--\n\r\n";
  char content[400];
  for (size_t step = 1; step < 12; step++) {
    for (size_t i = 0; i < sizeof content; i++)
      content[i] = octets[i * step / 2 % (sizeof octets - 1)];
    for (size_t n = 1; n <= sizeof content; n++) {
      g_autoptr(GString) text = g_string_new(NULL);
      g_autoptr(GString) binary = g_string_new(NULL);
      transfer_encoding_quoted_printable((struct slice){ content, n }, text);
      assert_decodes(GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE, text, (struct slice){ content, n });
      transfer_encoding_base64((struct slice){ content, n }, binary);
      assert_decodes(GMIME_CONTENT_ENCODING_BASE64, binary, (struct slice){ content, n });
    }
  }
}

static void
test_choice(void)
{
  g_assert_false(transfer_encoding_prefers_base64(SLICE("")));
  g_assert_false(transfer_encoding_prefers_base64(SLICE("Gr\xc3\xbc\xc3\x9f" "e")));
  g_assert_false(transfer_encoding_prefers_base64(SLICE("abc\r\n\tdef ghi\r\n")));
  g_assert_true(transfer_encoding_prefers_base64(SLICE("\xd0\xad\xd1\x82\xd0\xbe \xd0\xbf\xd0\xb8\xd1\x81\xd1\x8c\xd0\xbc\xd0\xbe")));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/transfer_encoding/seven_bit", test_seven_bit);
  g_test_add_func("/transfer_encoding/rows", test_rows);
  g_test_add_func("/transfer_encoding/decoded", test_decoded);
  g_test_add_func("/transfer_encoding/choice", test_choice);
  return g_test_run();
}
