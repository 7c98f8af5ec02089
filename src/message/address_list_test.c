#include "message/address_list.h"

#define MAILBOXES 4

static const struct {
  const char *name, *input;
  size_t n;
  struct {
    const char *name, *address;
  } want[MAILBOXES];
} rows[] = {
  { .name = "bare", .input = "ann@x.example", .n = 1, .want = { { "", "ann@x.example" } } },
  { .name = "name and brackets", .input = "Ann Bee <ann@x>", .n = 1, .want = { { "Ann Bee", "ann@x" } } },
  { .name = "brackets alone", .input = "<ann@x>", .n = 1, .want = { { "", "ann@x" } } },
  { .name = "quoted name", .input = "\"Bee, Ann (x) <y@z>\" <ann@x>", .n = 1, .want = { { "Bee, Ann (x) <y@z>", "ann@x" } } },
  { .name = "quoted pairs in a name", .input = "\"A \\\"B\\\" \\\\C\" <ann@x>", .n = 1, .want = { { "A \"B\" \\C", "ann@x" } } },
  { .name = "name of words and quotes", .input = "Ann \"The Bee\" Cee <ann@x>", .n = 1, .want = { { "Ann The Bee Cee", "ann@x" } } },
  { .name = "dots in a name", .input = "Ann B. Cee <ann@x>", .n = 1, .want = { { "Ann B. Cee", "ann@x" } } },
  { .name = "several", .input = "a@x, B <b@x>,c@x", .n = 3, .want = { { "", "a@x" }, { "B", "b@x" }, { "", "c@x" } } },
  { .name = "empty places", .input = ",, a@x ,\t,b@x,", .n = 2, .want = { { "", "a@x" }, { "", "b@x" } } },
  { .name = "comment as name", .input = "ann@x (Ann Bee)", .n = 1, .want = { { "Ann Bee", "ann@x" } } },
  { .name = "name goes before comment", .input = "A <ann@x> (Ann Bee)", .n = 1, .want = { { "A", "ann@x" } } },
  { .name = "first comment counts", .input = "(one) ann@x (two)", .n = 1, .want = { { "one", "ann@x" } } },
  { .name = "comments nest", .input = "ann@x (a (b (c)) \\) d), b@x", .n = 2, .want = { { "a (b (c)) ) d", "ann@x" }, { "", "b@x" } } },
  { .name = "comments everywhere", .input = "A(1)nn (2) <(3)ann(4)@(5)x(6).(7)y(8)> (9)", .n = 1, .want = { { "A nn", "ann@x.y" } } },
  { .name = "commas in a comment", .input = "a@x (b@x, c@x)", .n = 1, .want = { { "b@x, c@x", "a@x" } } },
  { .name = "group", .input = "Friends: a@x, B <b@x>;, c@x", .n = 3, .want = { { "", "a@x" }, { "B", "b@x" }, { "", "c@x" } } },
  { .name = "empty group", .input = "undisclosed-recipients:;", .n = 0 },
  { .name = "empty group and more", .input = "Nobody (x): (y) ; a@x", .n = 1, .want = { { "", "a@x" } } },
  { .name = "group with a quoted name", .input = "\"A, B: C\": a@x;", .n = 1, .want = { { "", "a@x" } } },
  { .name = "semicolons between", .input = "a@x; b@x", .n = 2, .want = { { "", "a@x" }, { "", "b@x" } } },
  { .name = "route", .input = "Ann <@one,@two:ann@x>", .n = 1, .want = { { "Ann", "ann@x" } } },
  { .name = "blanks around dot and at", .input = "ann . bee @ x . y", .n = 1, .want = { { "", "ann.bee@x.y" } } },
  { .name = "blanks in brackets", .input = "< ann @ x >", .n = 1, .want = { { "", "ann@x" } } },
  { .name = "quoted local part", .input = "\"ann bee\"@x, C <\"c@d\"@y>", .n = 2, .want = { { "", "\"ann bee\"@x" }, { "C",
    "\"c@d\"@y" } } },
  { .name = "quoted words of the old syntax", .input = "\"ann\".bee@x", .n = 1, .want = { { "", "\"ann\".bee@x" } } },
  { .name = "literal", .input = "ann@[IPv6:2001:db8::1], b@x", .n = 2, .want = { { "", "ann@[IPv6:2001:db8::1]" }, { "", "b@x" } } },
  { .name = "literal in brackets", .input = "<ann@[192.0.2.1]>", .n = 1, .want = { { "", "ann@[192.0.2.1]" } } },
  { .name = "label in the name", .input = "[Dev:all] Ann <ann@x>", .n = 1, .want = { { "[Dev:all] Ann", "ann@x" } } },
  { .name = "encoded name", .input = "=?utf-8?q?J=C3=B6rg?= <j@x>", .n = 1, .want = { { "J\xc3\xb6rg", "j@x" } } },
  { .name = "encoded name in pieces", .input = "=?utf-8?q?J=C3?= =?utf-8?q?=B6rg?= Bee <j@x>", .n = 1, .want = { { "J\xc3\xb6rg Bee",
    "j@x" } } },
  { .name = "encoded name with a comma", .input = "=?utf-8?q?Bee=2C_Ann?= <j@x>", .n = 1, .want = { { "Bee, Ann", "j@x" } } },
  { .name = "encoded name in quotes", .input = "\"=?utf-8?q?J=C3=B6rg?=\" <j@x>", .n = 1, .want = { { "J\xc3\xb6rg", "j@x" } } },
  { .name = "encoded comment", .input = "j@x (=?utf-8?q?J=C3=B6rg?=)", .n = 1, .want = { { "J\xc3\xb6rg", "j@x" } } },
  { .name = "raw UTF-8", .input = "J\xc3\xb6rg <j\xc3\xb6rg@b\xc3\xbc" "cher.de>", .n = 1, .want = { { "J\xc3\xb6rg",
    "j\xc3\xb6rg@b\xc3\xbc" "cher.de" } } },
  { .name = "raw Latin-1", .input = "J\xf6rg <j\xf6rg@x>", .n = 1, .want = { { "J\xc3\xb6rg", "j\xc3\xb6rg@x" } } },
  { .name = "control in a name", .input = "A\x01 <a@x>", .n = 1, .want = { { "A\xef\xbf\xbd", "a@x" } } },
  { .name = "mailto", .input = "mailto:ann@x", .n = 1, .want = { { "", "ann@x" } } },
  { .name = "words before a bare address", .input = "Ann Bee ann@x", .n = 1, .want = { { "", "ann@x" } } },
  { .name = "words behind a bare address", .input = "ann@x Ann Bee, b@x", .n = 2, .want = { { "", "ann@x" }, { "", "b@x" } } },
  { .name = "an address as name", .input = "ann@x <bee@y>", .n = 1, .want = { { "ann@x", "bee@y" } } },
  { .name = "an address in the name", .input = "ann@x via List <bee@y>", .n = 1, .want = { { "ann@x via List", "bee@y" } } },
  { .name = "text behind the brackets", .input = "A <ann@x> Bee \"c@d\" e@f, b@x", .n = 2, .want = { { "A", "ann@x" }, { "", "b@x" } } },
  { .name = "no at", .input = "ann, <bee>, C <>, root (x)", .n = 0 },
  { .name = "at in quotes only", .input = "\"ann@x\"", .n = 0 },
  { .name = "no local part, no domain", .input = "@x, ann@, <@>, @", .n = 0 },
  { .name = "nothing", .input = "", .n = 0 },
  { .name = "brackets twice", .input = "<<ann@x>>", .n = 1, .want = { { "", "ann@x" } } },
  { .name = "two in brackets", .input = "A <a@x> <b@x>", .n = 2, .want = { { "A", "a@x" }, { "", "b@x" } } },
  { .name = "bracket not closed", .input = "Ann <ann@x", .n = 1, .want = { { "Ann", "ann@x" } } },
  { .name = "bracket not closed before another", .input = "A <a@x, B <b@x>", .n = 2, .want = { { "A", "a@x" }, { "B", "b@x" } } },
  { .name = "bracket not opened", .input = "a@x>, b@x", .n = 2, .want = { { "", "a@x" }, { "", "b@x" } } },
  { .name = "quotes not closed", .input = "\"Ann <ann@x>", .n = 1, .want = { { "\"Ann", "ann@x" } } },
  { .name = "quotes not closed behind", .input = "Ann <ann@x> \", b@x", .n = 2, .want = { { "Ann", "ann@x" }, { "", "b@x" } } },
  { .name = "comment not closed", .input = "Ann (Bee <ann@x>", .n = 1, .want = { { "Ann (Bee", "ann@x" } } },
  { .name = "comment not closed behind", .input = "Ann <ann@x> (Bee, b@x", .n = 2, .want = { { "Ann", "ann@x" }, { "", "b@x" } } },
  { .name = "comment not opened", .input = "Ann) <ann@x>", .n = 1, .want = { { "Ann)", "ann@x" } } },
  { .name = "literal not closed", .input = "ann@[1.2.3.4, b@x", .n = 2, .want = { { "", "ann@[1.2.3.4" }, { "", "b@x" } } },
  { .name = "a blank inside is no address", .input = "<ann bee@x>", .n = 1, .want = { { "", "ann bee@x" } } },
  { .name = "a colon inside is no address", .input = "<ann:bee@x>", .n = 1, .want = { { "", "ann:bee@x" } } },
  { .name = "two ats", .input = "a@b@c", .n = 1, .want = { { "", "a@b@c" } } },
};

static GPtrArray *
read_list(struct slice text)
{
  GPtrArray *mailboxes = g_ptr_array_new_with_free_func((GDestroyNotify)mailbox_free);
  unsigned conversions = ADDRESS_LIST_CONVERSIONS_MAX;
  address_list_read(text, &conversions, mailboxes);
  return mailboxes;
}

static void
test_read(gconstpointer data)
{
  size_t row = GPOINTER_TO_SIZE(data);
  g_autoptr(GPtrArray) got = read_list(slice_of(rows[row].input));
  for (guint i = 0; i < got->len && i < rows[row].n; i++) {
    const struct mailbox *mailbox = g_ptr_array_index(got, i);
    g_assert_cmpstr(mailbox->address, ==, rows[row].want[i].address);
    g_assert_cmpstr(mailbox->name, ==, rows[row].want[i].name);
  }
  g_assert_cmpuint(got->len, ==, rows[row].n);
}

/* Cut anywhere, a list is read to its end, within its bounds (which the sanitizer watches). */
static void
test_cut(void)
{
  for (size_t row = 0; row < G_N_ELEMENTS(rows); row++)
    for (size_t n = 0; n <= strlen(rows[row].input); n++) {
      g_autofree char *copy = g_memdup2(rows[row].input, MAX(n, 1));
      g_autoptr(GPtrArray) got = read_list((struct slice){ copy, n });
      for (guint i = 0; i < got->len; i++) {
        const struct mailbox *mailbox = g_ptr_array_index(got, i);
        g_assert_nonnull(strchr(mailbox->address, '@'));
      }
    }
}

/* What costs most in a header of the greatest length: must end within the test's time. */
static void
test_bounds(gconstpointer data)
{
  g_autoptr(GString) text = g_string_new(NULL);
  while (text->len < HEADER_MAX)
    g_string_append(text, data);
  g_autoptr(GPtrArray) got = read_list((struct slice){ text->str, text->len });
  g_assert_cmpuint(got->len, <=, ADDRESS_LIST_MAX);
}

static void
test_most(void)
{
  g_autoptr(GString) text = g_string_new("From: ");
  for (int i = 0; i < ADDRESS_LIST_MAX + 5; i++)
    g_string_append_printf(text, "a%d@x%s", i, i % 100 == 99 ? "\r\nFrom: " : ", ");
  OWN(header_view) view = NULL;
  g_assert_cmpint(header_view_new((struct slice){ text->str, text->len }, &view, NULL), ==, RES_OK);
  g_autoptr(GPtrArray) got = header_addresses(view, "from");
  g_assert_cmpuint(got->len, ==, ADDRESS_LIST_MAX);
  const struct mailbox *last = g_ptr_array_index(got, got->len - 1);
  g_assert_cmpstr(last->address, ==, "a999@x");
}

static void
test_fields(void)
{
  OWN(header_view) view = NULL;
  g_assert_cmpint(header_view_new(SLICE("To: a@x,\r\n B\r\n <b@x>\r\nCc: c@x\r\nTO: \"d\r\nto: e@x\r\n\r\n"), &view, NULL), ==, RES_OK);
  g_autoptr(GPtrArray) got = header_addresses(view, "To");
  static const char *const want[] = { "a@x", "b@x", "e@x" };
  g_assert_cmpuint(got->len, ==, G_N_ELEMENTS(want));
  for (guint i = 0; i < got->len; i++)
    g_assert_cmpstr(((const struct mailbox *)g_ptr_array_index(got, i))->address, ==, want[i]);
  g_autoptr(GPtrArray) none = header_addresses(view, "From");
  g_assert_cmpuint(none->len, ==, 0);
}

/* Opening a converter for each name of a long list would cost a second or more: the later names are guessed, over all fields. */
static void
test_conversions(void)
{
  g_autoptr(GString) text = g_string_new("From: ");
  for (int i = 0; i < ADDRESS_LIST_CONVERSIONS_MAX + 5; i++)
    g_string_append_printf(text, "=?koi8-r?q?=C1?= <a%d@x>%s", i, i % 50 == 49 ? "\r\nFrom: " : ", ");
  OWN(header_view) view = NULL;
  g_assert_cmpint(header_view_new((struct slice){ text->str, text->len }, &view, NULL), ==, RES_OK);
  g_autoptr(GPtrArray) got = header_addresses(view, "from");
  g_assert_cmpuint(got->len, ==, ADDRESS_LIST_CONVERSIONS_MAX + 5);
  for (guint i = 0; i < got->len; i++) {
    const struct mailbox *mailbox = g_ptr_array_index(got, i);
    g_assert_cmpstr(mailbox->name, ==, i < ADDRESS_LIST_CONVERSIONS_MAX ? "\xd0\xb0" : "\xc3\x81");
  }
}

int
main(int argc, char **argv)
{
  static const char *const costly[] = { "(", "\"", "[", "<", "a@b,",
    "(\\", "<@a,", "a@b(=?gbk?q?a?= =?big5?q?a?=),", " a", "@", ":", "[a <\"", "<a@b>\"" };
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strconcat("/address_list/read/", rows[i].name, NULL);
    g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_read);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(costly); i++) {
    g_autofree char *path = g_strdup_printf("/address_list/bounds/%zu", i);
    g_test_add_data_func(path, costly[i], test_bounds);
  }
  g_test_add_func("/address_list/cut", test_cut);
  g_test_add_func("/address_list/most", test_most);
  g_test_add_func("/address_list/fields", test_fields);
  g_test_add_func("/address_list/conversions", test_conversions);
  return g_test_run();
}
