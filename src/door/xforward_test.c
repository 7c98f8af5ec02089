#include "door/xforward.h"

/* All attributes in one line, "-" for those that are not there. */
static char *
text_of(const struct door_xforward *x)
{
  const char *all[] = { x->name, x->addr, x->port, x->proto, x->helo, x->ident, x->source };
  GString *text = g_string_new(NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
    g_string_append_printf(text, "%s%s", i ? " " : "", all[i] ? all[i] : "-");
  return g_string_free(text, FALSE);
}

/* `first` is taken before `arg`. */
static const struct {
  const char *name, *first, *arg, *want;
  enum res res;
} rows[] = {
  { .name = "all", .arg = "NAME=n ADDR=127.0.0.1 PORT=1 PROTO=ESMTP HELO=h IDENT=i SOURCE=LOCAL", .want = "n 127.0.0.1 1 ESMTP h i LOCAL" },
  { .name = "any case", .arg = "name=n Source=REMOTE", .want = "n - - - - - REMOTE" },
  { .name = "IPv6", .arg = "ADDR=IPV6:2001:db8::1", .want = "- IPV6:2001:db8::1 - - - - -" },
  { .name = "unavailable", .arg = "NAME=[UNAVAILABLE] HELO=[TEMPUNAVAIL] IDENT=[unavailable]", .want = "- - - - - - -" },
  { .name = "unavailable replaces", .first = "NAME=n HELO=h", .arg = "NAME=[UNAVAILABLE]", .want = "- - - - h - -" },
  { .name = "two commands", .first = "NAME=n ADDR=a", .arg = "ADDR=b HELO=h", .want = "n b - - h - -" },
  { .name = "twice in one command", .arg = "NAME=a NAME=b", .want = "b - - - - - -" },
  { .name = "xtext", .arg = "HELO=a+20b+2Bc+3d", .want = "- - - - a b+c= - -" },
  { .name = "xtext spells [UNAVAILABLE]", .arg = "HELO=+5BUNAVAILABLE+5D", .want = "- - - - - - -" },
  { .name = "empty value", .arg = "HELO=", .want = "- - - - - - -" },
  { .name = "unknown attribute", .arg = "COLOUR=red NAME=n", .want = "n - - - - - -" },
  { .name = "controls", .arg = "HELO=a+0D+0Ab+7F", .want = "- - - - a??b? - -" },
  { .name = "UTF-8", .arg = "HELO=+C3+A4", .want = "- - - - \xc3\xa4 - -" },
  { .name = "no UTF-8", .arg = "HELO=a+E4b", .want = "- - - - a\xef\xbf\xbd" "b - -" },
  { .name = "no value", .first = "NAME=n", .arg = "ADDR=a NAME", .res = RES_BAD, .want = "n - - - - - -" },
  { .name = "no name", .arg = "=x", .res = RES_BAD, .want = "- - - - - - -" },
  { .name = "xtext cut", .first = "NAME=n", .arg = "NAME=m HELO=a+4", .res = RES_BAD, .want = "n - - - - - -" },
  { .name = "xtext of no digits", .arg = "HELO=+GG", .res = RES_BAD, .want = "- - - - - - -" },
};

static void
test_rows(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct door_xforward xforward = { 0 };
    g_autoptr(GError) error = NULL;
    if (rows[i].first)
      g_assert_cmpint(xforward_parse(slice_of(rows[i].first), &xforward, NULL), ==, RES_OK);
    enum res res = xforward_parse(slice_of(rows[i].arg), &xforward, &error);
    g_autofree char *got = text_of(&xforward);
    if (res != rows[i].res || strcmp(got, rows[i].want) != 0 || (res == RES_BAD) != (error_reply(error, REPLY_OK) == REPLY_SYNTAX))
      g_error("%s: %d, %s", rows[i].name, (int)res, got);
    xforward_clear(&xforward);
    g_autofree char *empty = text_of(&xforward);
    g_assert_cmpstr(empty, ==, "- - - - - - -");
  }
}

static void
test_long_word(void)
{
  g_autoptr(GString) word = g_string_new("x");
  for (int i = 0; i < 200; i++)
    g_string_append(word, "\xc3\xa4");
  g_autofree char *clean = peer_word_clean((struct slice){ word->str, word->len });
  g_assert_cmpuint(strlen(clean), ==, 255);
  g_assert_true(g_utf8_validate(clean, -1, NULL));
  g_autofree char *nul = peer_word_clean((struct slice){ "a\0b", 3 });
  g_assert_cmpstr(nul, ==, "a\xef\xbf\xbd" "b");
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/xforward/rows", test_rows);
  g_test_add_func("/xforward/long-word", test_long_word);
  return g_test_run();
}
