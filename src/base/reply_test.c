#include "base/error.h"
#include "base/reply.h"

static void
test_render(void)
{
  static const struct { const char *name; enum reply reply; struct reply_words words; const char *want; } rows[] = {
    { .name = "accepted", .reply = REPLY_ACCEPTED, .words = { .id = "abc123def456", .list = "ant@example.com" },
      .want = "250 2.6.0 abc123def456 accepted for ant@example.com\r\n" },
    { .name = "unknown list", .reply = REPLY_UNKNOWN_LIST, .want = "550 5.1.1 no list here by that name\r\n" },
    { .name = "no enhanced code", .reply = REPLY_SEND_DATA, .want = "354 send the message, end with a line holding only a dot\r\n" },
    { .name = "missing word", .reply = REPLY_REFUSED, .want = "550 5.7.1 \r\n" },
    { .name = "line end in a word", .reply = REPLY_REFUSED, .words = { .reason = "a\r\n250 ok" }, .want = "550 5.7.1 a??250 ok\r\n" },
    { .name = "UTF-8 in a word", .reply = REPLY_REFUSED, .words = { .reason = "gr\303\274n" }, .want = "550 5.7.1 gr?n\r\n" },
    { .name = "a word that looks like a place", .reply = REPLY_REFUSED, .words = { .reason = "{id}", .id = "x" }, .want = "550 5.7.1 {id}\r\n" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GString) got = g_string_new(NULL);
    reply_render(rows[i].reply, &rows[i].words, got);
    if (strcmp(got->str, rows[i].want) != 0)
      g_error("%s: got \"%s\"", rows[i].name, got->str);
  }
}

/* Every row, with words of any length: one line, at most 512 octets, printable, code and enhanced code of one class (RFC 3463 2). */
static void
test_all_are_lines(void)
{
  g_autofree char *long_word = g_strnfill(2000, 'x');
  const struct reply_words words = { long_word, long_word, long_word, long_word };
  for (enum reply reply = 0; reply < REPLY_COUNT; reply++) {
    g_autoptr(GString) line = g_string_new(NULL);
    reply_render(reply, &words, line);
    g_assert_cmpuint(line->len, <=, REPLY_LINE_MAX);
    g_assert_true(g_str_has_suffix(line->str, "\r\n"));
    g_assert_cmpuint(strcspn(line->str, "\r\n"), ==, line->len - 2);
    const char *enhanced = reply_enhanced(reply);
    if (enhanced[0])
      g_assert_cmpint(enhanced[0] - '0', ==, reply_code(reply) / 100);
    g_assert_true(reply_is_temporary(reply) == (reply_code(reply) / 100 == 4));
  }
}

static void
test_error_carries_reply(void)
{
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(refuse(&error, REPLY_UNKNOWN_LIST, "no %s", "ant"), ==, RES_BAD);
  g_assert_cmpint((int)error_reply(error, REPLY_TROUBLE), ==, REPLY_UNKNOWN_LIST);
  g_assert_cmpstr(error->message, ==, "no ant");
  g_assert_cmpint((int)error_reply(NULL, REPLY_TROUBLE), ==, REPLY_TROUBLE);
  g_autoptr(GError) foreign = g_error_new_literal(G_FILE_ERROR, G_FILE_ERROR_IO, "disk");
  g_assert_cmpint((int)error_reply(foreign, REPLY_TROUBLE), ==, REPLY_TROUBLE);
  g_assert_cmpint(trouble(NULL, REPLY_FULL, "nobody listens"), ==, RES_TEMP);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/reply/render", test_render);
  g_test_add_func("/reply/all-are-lines", test_all_are_lines);
  g_test_add_func("/reply/error", test_error_carries_reply);
  return g_test_run();
}
