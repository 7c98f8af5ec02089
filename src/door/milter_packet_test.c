/* Packets, one by one. The codec's states are tried at every split point. */
#include "base/log.h"
#include "door/milter_packet.h"

static struct slice
octets(const char *p, size_t n)
{
  return (struct slice){ p, n };
}
#define OCTETS(literal) octets(literal, sizeof(literal) - 1)

static void
test_head(void)
{
  const struct {
    const char *name;
    struct slice input;
    enum res want;
    char command;
    size_t data;
  } rows[] = {
    { .name = "nothing", .input = OCTETS(""), .want = RES_MORE },
    { .name = "half a number", .input = OCTETS("\0\0\0"), .want = RES_MORE },
    { .name = "no command yet", .input = OCTETS("\0\0\0\1"), .want = RES_MORE },
    { .name = "end", .input = OCTETS("\0\0\0\1E"), .command = 'E' },
    { .name = "big endian", .input = OCTETS("\0\0\1\2Bx"), .command = 'B', .data = 0x101 },
    { .name = "a whole chunk", .input = OCTETS("\0\1\0\0B"), .command = 'B', .data = 65535 },
    { .name = "the longest chunk", .input = OCTETS("\0\1\x08\1B"), .command = 'B', .data = 66 * 1024 },
    { .name = "a chunk too long", .input = OCTETS("\0\1\x08\2B"), .want = RES_BAD },
    { .name = "the longest field", .input = OCTETS("\0\x10\0\1L"), .command = 'L', .data = 1024 * 1024 },
    { .name = "a field too long", .input = OCTETS("\0\x10\0\2L"), .want = RES_BAD },
    { .name = "the longest RCPT", .input = OCTETS("\0\0\x80\1R"), .command = 'R', .data = 32768 },
    { .name = "a RCPT too long", .input = OCTETS("\0\0\x80\2R"), .want = RES_BAD },
    { .name = "an abort with data", .input = OCTETS("\0\0\0\2A"), .want = RES_BAD },
    { .name = "no command at all", .input = OCTETS("\0\0\0\0E"), .want = RES_BAD },
    { .name = "as long as can be", .input = OCTETS("\xff\xff\xff\xff" "E"), .want = RES_BAD },
    { .name = "unknown", .input = OCTETS("\0\0\0\1Z"), .want = RES_BAD },
    { .name = "an answer", .input = OCTETS("\0\0\0\1c"), .want = RES_BAD },
    { .name = "text", .input = OCTETS("EHLO x\r\n"), .want = RES_BAD },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct milter_head head = { 0 };
    g_autoptr(GError) error = NULL;
    enum res res = milter_head_parse(rows[i].input, &head, &error);
    if (res != rows[i].want || (res == RES_BAD) != (error != NULL) || (char)head.command != rows[i].command || head.data != rows[i].data)
      g_error("%s: %d '%c' %zu", rows[i].name, res, head.command, head.data);
  }
}

static void
test_write(void)
{
  g_autoptr(GString) out = g_string_new(NULL);
  milter_packet_write(out, 'c', SLICE(""));
  milter_packet_write(out, '-', OCTETS("<a@x>\0"));
  struct slice want = OCTETS("\0\0\0\1c\0\0\0\7-<a@x>\0");
  g_assert_true(slice_equal((struct slice){ out->str, out->len }, want));
}

static void
test_text(void)
{
  struct slice rest = OCTETS("<a@x>\0SIZE=10\0\0last");
  g_assert_true(slice_equal(milter_text(&rest), SLICE("<a@x>")));
  g_assert_true(slice_equal(milter_text(&rest), SLICE("SIZE=10")));
  g_assert_true(slice_equal(milter_text(&rest), SLICE("")));
  g_assert_true(slice_equal(milter_text(&rest), SLICE("last")));
  g_assert_cmpuint(rest.n, ==, 0);
  g_assert_cmpuint(milter_text(&rest).n, ==, 0);
}

static void
test_offer(void)
{
  static const struct {
    const char *name;
    struct milter_offer offer, want;
  } rows[] = {
    { .name = "Postfix 3.7, Sendmail 8.17", .offer = { 6, 0x1ff, 0x1fffff }, .want = { 6, 0x08, 0x1e71c3 } },
    { .name = "a later one", .offer = { 7, 0xffff, 0xffffffff }, .want = { 6, 0x08, 0x1e71c3 } },
    { .name = "version 6, nothing can be left out", .offer = { 6, 0, 0 }, .want = { 6, 0, 0 } },
    { .name = "version 4", .offer = { 4, 0x3f, 0x3ff }, .want = { 4, 0x08, 0x1c3 } },
    { .name = "version 3", .offer = { 3, 0x3f, 0x1ff }, .want = { 3, 0x08, 0x1c3 } },
    { .name = "version 2", .offer = { 2, 0x3f, 0x7f }, .want = { 2, 0x08, 0x43 } },
    { .name = "version 2 with what only later ones have", .offer = { 2, 0x3f, 0x1fffff }, .want = { 2, 0x08, 0xc3 } },
    { .name = "none may be deleted", .offer = { 6, 0x1f7, 0x1fffff }, .want = { 6, 0, 0x1e71c3 } },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct milter_offer agreed;
    g_assert_cmpint(milter_offer_agree(&rows[i].offer, &agreed, NULL), ==, RES_OK);
    if (agreed.version != rows[i].want.version || agreed.actions != rows[i].want.actions || agreed.steps != rows[i].want.steps)
      g_error("%s: %u %x %x", rows[i].name, agreed.version, agreed.actions, agreed.steps);
  }
  struct milter_offer agreed;
  g_assert_cmpint(milter_offer_agree(&(struct milter_offer){ 1, 0xf, 0x3f }, &agreed, NULL), ==, RES_BAD);
}

static void
test_offer_octets(void)
{
  struct slice data = OCTETS("\0\0\0\6\0\0\1\xff\0\x1f\xff\xff" "more");
  struct milter_offer offer;
  g_assert_cmpint(milter_offer_parse(data, &offer, NULL), ==, RES_OK);
  g_assert_cmpuint(offer.version, ==, 6);
  g_assert_cmpuint(offer.actions, ==, 0x1ff);
  g_assert_cmpuint(offer.steps, ==, 0x1fffff);
  g_assert_cmpint(milter_offer_parse(slice_head(data, 11), &offer, NULL), ==, RES_BAD);
  g_autoptr(GString) out = g_string_new(NULL);
  milter_offer_write(&offer, out);
  struct slice want = OCTETS("\0\0\0\x0dO\0\0\0\6\0\0\1\xff\0\x1f\xff\xff");
  g_assert_true(slice_equal((struct slice){ out->str, out->len }, want));
}

static void
test_reply(void)
{
  const struct { struct slice line, want; } rows[] = {
    { SLICE("550 5.7.1 no\r\n"), OCTETS("550 5.7.1 no\0") },
    { SLICE("550 5.7.1 100% %s\r\n"), OCTETS("550 5.7.1 100%% %%s\0") },
    { SLICE("550-5.7.1 a\r\n550 5.7.1 b\r\n"), OCTETS("550-5.7.1 a\r\n550 5.7.1 b\0") },
    { SLICE(""), OCTETS("\0") },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GString) out = g_string_new(NULL);
    milter_reply_text(rows[i].line, out);
    g_assert_true(slice_equal((struct slice){ out->str, out->len }, rows[i].want));
  }
}

static const struct field_row {
  const char *name;
  const char *input; /* '~' is NUL */
  const char *want;
  bool leading_space;
} field_rows[] = {
  { .name = "as asked for", .input = "Subject~ x~", .want = "Subject: x\r\n", .leading_space = true },
  { .name = "no blank", .input = "Subject~x~", .want = "Subject:x\r\n", .leading_space = true },
  { .name = "a tab", .input = "Subject~\tx~", .want = "Subject:\tx\r\n", .leading_space = true },
  { .name = "blanks stripped by the MTA", .input = "Subject~x~", .want = "Subject: x\r\n" },
  { .name = "two blanks, one stripped", .input = "Subject~ x~", .want = "Subject:  x\r\n" },
  { .name = "folded, LF", .input = "Subject~ x\n y~", .want = "Subject: x\r\n y\r\n", .leading_space = true },
  { .name = "folded, CRLF", .input = "Subject~ x\r\n\ty~", .want = "Subject: x\r\n\ty\r\n", .leading_space = true },
  { .name = "folded at once", .input = "Subject~\n x~", .want = "Subject:\r\n x\r\n", .leading_space = true },
  { .name = "trailing blanks", .input = "Subject~ x \t~", .want = "Subject: x \t\r\n", .leading_space = true },
  { .name = "a line end at the end", .input = "Subject~ x\n~", .want = "Subject: x\r\n", .leading_space = true },
  { .name = "two of them", .input = "Subject~ x\r\n\r\n~", .want = "Subject: x\r\n", .leading_space = true },
  { .name = "an empty line within", .input = "Subject~ x\n\n y~", .want = "Subject: x\r\n y\r\n", .leading_space = true },
  { .name = "a CR alone is left to the decoder", .input = "Subject~ x\ry~", .want = "Subject: x\ry\r\n", .leading_space = true },
  { .name = "a CR at the end", .input = "Subject~ x\r~", .want = "Subject: x\r\r\n", .leading_space = true },
  { .name = "a CR after a line end", .input = "Subject~ x\n\r y~", .want = "Subject: x\r\n\r y\r\n", .leading_space = true },
  { .name = "8 bit", .input = "Subject~ \xc3\xa4\xff~", .want = "Subject: \xc3\xa4\xff\r\n", .leading_space = true },
  { .name = "empty", .input = "Subject~~", .want = "Subject:\r\n", .leading_space = true },
  { .name = "empty, blanks stripped", .input = "Subject~~", .want = "Subject: \r\n" },
  { .name = "no value", .input = "Subject", .want = "Subject:\r\n" },
  { .name = "no NUL at the end", .input = "Subject~ x", .want = "Subject: x\r\n", .leading_space = true },
  { .name = "more after the value", .input = "Subject~ x~y\n~", .want = "Subject: x\r\n", .leading_space = true },
  { .name = "nothing", .input = "", .want = ":\r\n" },
};

static void
check_field(const struct field_row *row, size_t split)
{
  g_autofree char *input = g_strdelimit(g_strdup(row->input), "~", '\0');
  struct slice data = { input, strlen(row->input) };
  struct milter_field field = { .leading_space = row->leading_space };
  g_autoptr(GByteArray) out = g_byte_array_new();
  for (int round = 0; round < 2; round++) { /* nothing is left over for the next one */
    milter_field_feed(&field, slice_head(data, split), out);
    milter_field_feed(&field, slice_skip(data, split), out);
    milter_field_end(&field, out);
  }
  g_autofree char *got = g_strndup((const char *)out->data, out->len), *want = g_strconcat(row->want, row->want, NULL);
  if (strcmp(got, want) != 0)
    g_error("%s, split at %zu: %s", row->name, split, got);
}

static void
test_field(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(field_rows); i++)
    for (size_t split = 0; split <= strlen(field_rows[i].input); split++)
      check_field(&field_rows[i], split);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  g_test_add_func("/milter-packet/head", test_head);
  g_test_add_func("/milter-packet/write", test_write);
  g_test_add_func("/milter-packet/text", test_text);
  g_test_add_func("/milter-packet/offer", test_offer);
  g_test_add_func("/milter-packet/offer-octets", test_offer_octets);
  g_test_add_func("/milter-packet/reply", test_reply);
  g_test_add_func("/milter-packet/field", test_field);
  return g_test_run();
}
