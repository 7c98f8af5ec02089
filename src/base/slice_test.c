#include "base/slice.h"

static void
test_trim(void)
{
  static const struct { const char *name, *input, *want; } rows[] = {
    { .name = "nothing to trim", .input = "a b", .want = "a b" },
    { .name = "both ends", .input = " \t a\r\n", .want = "a" },
    { .name = "blanks alone", .input = " \r\n\t", .want = "" },
    { .name = "empty", .input = "", .want = "" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *got = slice_dup(slice_trim(slice_of(rows[i].input)));
    if (strcmp(got, rows[i].want) != 0)
      g_error("%s: got \"%s\"", rows[i].name, got);
  }
}

static void
test_compare(void)
{
  g_assert_true(slice_equal(SLICE(""), (struct slice){ NULL, 0 }));
  g_assert_false(slice_equal(SLICE("a"), SLICE("A")));
  g_assert_true(slice_equal_nocase(SLICE("aZ"), SLICE("Az")));
  g_assert_true(slice_equal_secret(SLICE("aZ"), SLICE("aZ")));
  g_assert_true(slice_equal_secret(SLICE(""), (struct slice){ NULL, 0 }));
  g_assert_false(slice_equal_secret(SLICE("aZ"), SLICE("az")));
  g_assert_false(slice_equal_secret(SLICE("Za"), SLICE("za")));
  g_assert_false(slice_equal_secret(SLICE("a"), SLICE("ab")));
  g_assert_false(slice_equal_nocase(SLICE("a"), SLICE("ab")));
  g_assert_false(slice_equal_nocase(SLICE("a\0x"), SLICE("a\0y")));
  g_assert_true(slice_starts_nocase(SLICE("Subject: x"), SLICE("subject:")));
  g_assert_false(slice_starts_nocase(SLICE("Sub"), SLICE("subject")));
  g_assert_true(slice_ends_nocase(SLICE("ant-OWNER"), SLICE("-owner")));
  g_assert_false(slice_ends_nocase(SLICE("er"), SLICE("-owner")));
}

static void
test_parts(void)
{
  struct slice s = SLICE("name=value=x");
  g_assert_true(slice_equal(slice_until(s, '='), SLICE("name")));
  g_assert_true(slice_equal(slice_line(SLICE("one\r\ntwo\r\n")), SLICE("one\r\n")));
  g_assert_true(slice_equal(slice_line(SLICE("no\nend\r")), SLICE("no\nend\r")));
  g_assert_cmpuint(slice_line(SLICE("")).n, ==, 0);
  g_assert_cmpuint(slice_find(s, '?'), ==, s.n);
  g_assert_true(slice_equal(slice_skip(s, 5), SLICE("value=x")));
  g_assert_cmpuint(slice_skip(s, 99).n, ==, 0);
  g_assert_cmpuint(slice_head(s, 99).n, ==, s.n);
}

static void
test_number(void)
{
  static const struct { const char *input; bool ok; int64_t want; } rows[] = {
    { "0", true, 0 }, { "42", true, 42 }, { "999999999999999999", true, INT64_C(999999999999999999) },
    { "1000000000000000000", false, 0 }, { "", false, 0 }, { "-1", false, 0 }, { "1x", false, 0 }, { " 1", false, 0 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    int64_t got = 0;
    bool ok = slice_to_uint(slice_of(rows[i].input), &got);
    if (ok != rows[i].ok || got != rows[i].want)
      g_error("\"%s\": %d, %" G_GINT64_FORMAT, rows[i].input, ok, got);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/slice/trim", test_trim);
  g_test_add_func("/slice/compare", test_compare);
  g_test_add_func("/slice/parts", test_parts);
  g_test_add_func("/slice/number", test_number);
  return g_test_run();
}
