#include "message/first_text.h"
#include "message/test_view.h"

#define MULTI "Content-Type: multipart/mixed; boundary=\"b b\"\r\n\r\n"

static const struct {
  const char *name, *message, *want; /* NULL: there is no text */
} rows[] = {
  { .name = "no MIME", .message = "Subject: x\r\n\r\nhello\r\n", .want = "hello\r\n" },
  { .name = "no body", .message = "Subject: x\r\n\r\n", .want = "" },
  { .name = "text", .message = "content-type: (x) TEXT/Plain; charset=us-ascii\r\n\r\nhello\r\n", .want = "hello\r\n" },
  { .name = "a type that is none", .message = "Content-Type: text\r\n\r\nhello\r\n", .want = "hello\r\n" },
  { .name = "HTML", .message = "Content-Type: text/html\r\n\r\nhello\r\n", .want = NULL },
  { .name = "text/plain-ish", .message = "Content-Type: text/plainer\r\n\r\nhello\r\n", .want = NULL },
  { .name = "quoted-printable", .message = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\nhe=\r\nl=6Co =C3=A4\r\n",
    .want = "hello \303\244\r\n" },
  { .name = "base64", .message = "Content-Transfer-Encoding: BASE64\r\n\r\naGVs\r\nbG8K\r\n", .want = "hello\n" },
  { .name = "base64, empty", .message = "Content-Transfer-Encoding: base64\r\n\r\n", .want = "" },
  { .name = "Latin-1", .message = "Content-Type: text/plain; charset=iso-8859-1\r\n\r\n\344\r\n", .want = "\303\244\r\n" },
  { .name = "multipart", .message = MULTI "hello\r\n--b b\r\n\r\none\r\n--b b\r\n\r\ntwo\r\n--b b--\r\n", .want = "one\r\n" },
  { .name = "a later part", .message = MULTI "--b b\r\nContent-Type: text/html\r\n\r\none\r\n--b b \t\r\nContent-Type: text/plain\r\n\r\ntwo\r\n--b b--\r\nthree\r\n",
    .want = "two\r\n" },
  { .name = "the last without an end", .message = MULTI "--b b\r\nContent-Type: text/html\r\n\r\none\r\n--b b\r\n\r\ntwo\r\n", .want = "two\r\n" },
  { .name = "no part", .message = MULTI "hello\r\n", .want = NULL },
  { .name = "after the end", .message = MULTI "--b b--\r\n\r\nhello\r\n--b b\r\n\r\nhello\r\n", .want = NULL },
  { .name = "a line that only starts so", .message = MULTI "--b b\r\n\r\n--b bb\r\none\r\n--b b--\r\n", .want = "--b bb\r\none\r\n" },
  { .name = "no boundary", .message = "Content-Type: multipart/mixed\r\n\r\n--\r\n\r\nhello\r\n", .want = NULL },
  { .name = "nested", .message = MULTI "--b b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\nContent-Type: text/html\r\n\r\none\r\n--c\r\n\r\ntwo\r\n--c--\r\n--b b\r\n\r\n3\r\n",
    .want = "two\r\n" },
  { .name = "nested without a text", .message = MULTI "--b b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\nContent-Type: text/html\r\n\r\none\r\n--b b\r\n\r\n3\r\n",
    .want = "3\r\n" },
  { .name = "a message within", .message = MULTI "--b b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\none\r\n--b b--\r\n", .want = NULL },
};

static void
test_rows(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    OWN(header_view) view = view_of(rows[i].message);
    g_autofree char *text = first_text(view);
    g_test_message("%s", rows[i].name);
    g_assert_cmpstr(text, ==, rows[i].want);
  }
}

/* Parts within parts, and one behind the other: the first of those that are read, and none of those that are not. */
static void
test_bounds(void)
{
  for (unsigned depth = 8; depth <= 9; depth++) {
    g_autoptr(GString) message = g_string_new(NULL);
    for (unsigned i = 0; i < depth; i++)
      g_string_append_printf(message, "%sContent-Type: multipart/mixed; boundary=x%u\r\n\r\n--x%u\r\n", i ? "" : "Subject: x\r\n", i, i);
    g_string_append(message, "\r\nhello\r\n");
    OWN(header_view) view = view_of(message->str);
    g_autofree char *text = first_text(view);
    g_assert_cmpstr(text, ==, depth == 8 ? "hello\r\n" : NULL);
  }
  for (unsigned parts = 99; parts <= 100; parts++) {
    g_autoptr(GString) message = g_string_new(MULTI);
    for (unsigned i = 0; i < parts; i++)
      g_string_append(message, "--b b\r\nContent-Type: text/html\r\n\r\nx\r\n");
    g_string_append(message, "--b b\r\n\r\nhello\r\n--b b--\r\n");
    OWN(header_view) view = view_of(message->str);
    g_autofree char *text = first_text(view);
    g_assert_cmpstr(text, ==, parts == 99 ? "hello\r\n" : NULL);
  }
  g_autofree char *filler = g_strnfill(2 * FIRST_TEXT_WITHIN, 'x');
  g_autofree char *large = g_strconcat("Subject: x\r\n\r\n", filler, NULL);
  OWN(header_view) view = view_of(large);
  g_autofree char *text = first_text(view);
  g_assert_cmpuint(strlen(text), ==, FIRST_TEXT_MAX);
  g_autofree char *late = g_strconcat(MULTI "--b b\r\nContent-Type: text/html\r\n\r\n", filler, "\r\n--b b\r\n\r\nhello\r\n", NULL);
  OWN(header_view) late_view = view_of(late);
  g_assert_null(first_text(late_view));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/first-text/rows", test_rows);
  g_test_add_func("/first-text/bounds", test_bounds);
  return g_test_run();
}
