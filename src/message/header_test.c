#include "message/header.h"

static struct header_view *
view_of(struct slice message)
{
  struct header_view *view = NULL;
  g_autoptr(GError) error = NULL;
  if (header_view_new(message, &view, &error) != RES_OK)
    g_error("no view: %s", error->message);
  return view;
}

static void
assert_slice(struct slice got, const char *want)
{
  g_autofree char *text = slice_dup(got);
  g_assert_cmpstr(text, ==, want);
}

#define FIELDS 4

static const struct {
  const char *name, *message;
  const char *header, *body;
  size_t n;
  struct {
    const char *name, *value;
  } fields[FIELDS];
} rows[] = {
  { .name = "two fields and a body", .message = "A: 1\r\nB:2\r\n\r\nbody\r\n", .header = "A: 1\r\nB:2\r\n", .body = "body\r\n", .n = 2,
    .fields = { { "A", " 1" }, { "B", "2" } } },
  { .name = "folded", .message = "A: 1\r\n 2\r\n\t3\r\n\r\n", .header = "A: 1\r\n 2\r\n\t3\r\n", .body = "", .n = 1, .fields = { { "A",
    " 1\r\n 2\r\n\t3" } } },
  { .name = "a line of blanks is folding", .message = "A: 1\r\n \r\nB: 2\r\n\r\n", .header = "A: 1\r\n \r\nB: 2\r\n", .body = "", .n = 2,
    .fields = { { "A", " 1\r\n " }, { "B", " 2" } } },
  { .name = "no empty line", .message = "A: 1\r\nB: 2\r\n", .header = "A: 1\r\nB: 2\r\n", .body = "", .n = 2, .fields = { { "A", " 1" },
    { "B", " 2" } } },
  { .name = "no line end", .message = "A: 1", .header = "A: 1", .body = "", .n = 1, .fields = { { "A", " 1" } } },
  { .name = "cut in the line end", .message = "A: 1\r", .header = "A: 1\r", .body = "", .n = 1, .fields = { { "A", " 1\r" } } },
  { .name = "nothing", .message = "", .header = "", .body = "" },
  { .name = "empty header", .message = "\r\nA: 1\r\n", .header = "", .body = "A: 1\r\n" },
  { .name = "two empty lines", .message = "A: 1\r\n\r\n\r\nb", .header = "A: 1\r\n", .body = "\r\nb", .n = 1, .fields = { { "A", " 1" } } },
  { .name = "empty value", .message = "A:\r\n\r\n", .header = "A:\r\n", .body = "", .n = 1, .fields = { { "A", "" } } },
  { .name = "value of colons", .message = "A:::\r\n\r\n", .header = "A:::\r\n", .body = "", .n = 1, .fields = { { "A", "::" } } },
  { .name = "blanks before the colon", .message = "A \t: 1\r\n\r\n", .header = "A \t: 1\r\n", .body = "", .n = 1, .fields = { { "A",
    " 1" } } },
  { .name = "mbox line", .message = "From a@x Mon Jan  1 00:00:00 2026\r\nA: 1\r\n\r\n",
    .header = "From a@x Mon Jan  1 00:00:00 2026\r\nA: 1\r\n", .body = "", .n = 2,
    .fields = { { "", "From a@x Mon Jan  1 00:00:00 2026" }, { "A", " 1" } } },
  { .name = "a line that is no field", .message = "A: 1\r\nhello\r\n there\r\nB: 2\r\n\r\n",
    .header = "A: 1\r\nhello\r\n there\r\nB: 2\r\n", .body = "", .n = 3,
    .fields = { { "A", " 1" }, { "", "hello\r\n there" }, { "B", " 2" } } },
  { .name = "no name before the colon", .message = ": 1\r\n\r\n", .header = ": 1\r\n", .body = "", .n = 1, .fields = { { "", ": 1" } } },
  { .name = "blank in the name", .message = "A B: 1\r\n\r\n", .header = "A B: 1\r\n", .body = "", .n = 1, .fields = { { "", "A B: 1" } } },
  { .name = "8-bit name", .message = "\xc3\x84: 1\r\n\r\n", .header = "\xc3\x84: 1\r\n", .body = "", .n = 1, .fields = { { "",
    "\xc3\x84: 1" } } },
  { .name = "folding with nothing above", .message = " x: 1\r\nA: 1\r\n\r\n", .header = " x: 1\r\nA: 1\r\n", .body = "", .n = 2,
    .fields = { { "", " x: 1" }, { "A", " 1" } } },
  { .name = "only CRLF ends lines", .message = "A: 1\nB: 2\rC: 3\n\nD: 4\r\n\r\n", .header = "A: 1\nB: 2\rC: 3\n\nD: 4\r\n", .body = "",
    .n = 1, .fields = { { "A", " 1\nB: 2\rC: 3\n\nD: 4" } } },
  { .name = "CR before CRLF is no empty line", .message = "A: 1\r\n\r\r\nB: 2\r\n\r\n", .header = "A: 1\r\n\r\r\nB: 2\r\n", .body = "",
    .n = 3, .fields = { { "A", " 1" }, { "", "\r" }, { "B", " 2" } } },
};

static void
test_view(gconstpointer data)
{
  size_t row = GPOINTER_TO_SIZE(data);
  OWN(header_view) view = view_of(slice_of(rows[row].message));
  assert_slice(view->header, rows[row].header);
  assert_slice(view->body, rows[row].body);
  g_assert_cmpuint(view->n, ==, rows[row].n);

  const char *p = view->header.p;
  for (size_t i = 0; i < view->n; i++) {
    assert_slice(view->fields[i].name, rows[row].fields[i].name);
    assert_slice(view->fields[i].value, rows[row].fields[i].value);
    g_assert_true(view->fields[i].whole.p == p);
    p += view->fields[i].whole.n;
  }
  g_assert_true(p == view->header.p + view->header.n);
}

static struct slice
string_slice(const GString *text)
{
  return (struct slice){ text->str, text->len };
}

static void
assert_malformed(const GString *message)
{
  struct header_view *view = NULL;
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(header_view_new(string_slice(message), &view, &error), ==, RES_BAD);
  g_assert_cmpint(error_reply(error, REPLY_TROUBLE), ==, REPLY_MALFORMED);
  g_assert_null(view);
}

static void
test_size_limit(void)
{
  g_autoptr(GString) text = g_string_new("A: ");
  while (text->len < HEADER_MAX - 2)
    g_string_append_c(text, 'a');
  g_string_append(text, "\r\n\r\nbody");
  OWN(header_view) longest = view_of(string_slice(text));
  assert_slice(longest->body, "body");

  g_string_insert_c(text, 3, 'a');
  assert_malformed(text);
  /* The same without an empty line. */
  g_string_truncate(text, HEADER_MAX);
  OWN(header_view) all_header = view_of(string_slice(text));
  g_assert_cmpuint(all_header->header.n, ==, HEADER_MAX);
  g_string_append_c(text, 'a');
  assert_malformed(text);
}

static void
test_field_limit(void)
{
  g_autoptr(GString) text = g_string_new(NULL);
  for (int i = 0; i < HEADER_FIELDS_MAX; i++)
    g_string_append(text, "A:1\r\n");
  OWN(header_view) most = view_of(string_slice(text));
  g_assert_cmpuint(most->n, ==, HEADER_FIELDS_MAX);
  g_assert_cmpuint(header_count(most, "a"), ==, HEADER_FIELDS_MAX);
  g_string_append(text, "A:1\r\n");
  assert_malformed(text);
}

static void
test_nul(void)
{
  g_autoptr(GString) text = g_string_new("A: 1\r\n\r\nbo");
  g_string_append_c(text, '\0');
  OWN(header_view) in_body = view_of(string_slice(text));
  g_assert_cmpuint(in_body->body.n, ==, 3);
  text->str[3] = '\0';
  assert_malformed(text);
}

static void
test_no_message(void)
{
  OWN(header_view) view = view_of((struct slice){ 0 });
  g_assert_cmpuint(view->n + view->header.n + view->body.n, ==, 0);
  g_assert_null(header_first(view, "From"));
  header_view_free(NULL);
}

static void
test_look_up(void)
{
  OWN(header_view) view = view_of(SLICE("To: a\r\nX: b\r\nnone\r\nTO: c\r\nTox: d\r\nto : e\r\n\r\n"));
  const struct header_field *f = header_first(view, "to");
  g_assert_true(f == &view->fields[0]);
  f = header_next(view, "To", f);
  g_assert_true(f == &view->fields[3]);
  f = header_next(view, "tO", f);
  g_assert_true(f == &view->fields[5]);
  g_assert_null(header_next(view, "To", f));
  g_assert_null(header_first(view, "T"));
  g_assert_null(header_first(view, ""));
  g_assert_cmpuint(header_count(view, "to"), ==, 3);
  g_assert_cmpuint(header_count(view, "nothing"), ==, 0);
}

static void
test_unfold(void)
{
  static const char *const unfold_rows[][2] = {
    { "A: b\r\n\r\n", "b" },        { "A:b\r\n c\r\n\td \r\n\r\n", "b c\td" }, { "A:\r\n b\r\n\r\n", "b" }, { "A: \r\n \r\n\r\n", "" },
    { "A: \xff\xfe\r\n\r\n", "\xff\xfe" }, { "A:  b  \r\n", "b" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(unfold_rows); i++) {
    OWN(header_view) view = view_of(slice_of(unfold_rows[i][0]));
    g_autofree char *got = header_unfold(&view->fields[0]);
    g_assert_cmpstr(got, ==, unfold_rows[i][1]);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strconcat("/header/view/", rows[i].name, NULL);
    g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_view);
  }
  g_test_add_func("/header/size-limit", test_size_limit);
  g_test_add_func("/header/field-limit", test_field_limit);
  g_test_add_func("/header/nul", test_nul);
  g_test_add_func("/header/no-message", test_no_message);
  g_test_add_func("/header/look-up", test_look_up);
  g_test_add_func("/header/unfold", test_unfold);
  return g_test_run();
}
