#include "list/pattern.h"
#include <string.h>

static const struct {
  const char *name, *text, *want; /* stored form, or NULL */
  const char *says;               /* part of the refusal */
} parse_rows[] = {
  { .name = "address", .text = "Ann@Example.COM", .want = "ann@example.com" },
  { .name = "address with a U-label", .text = "a@b\303\274cher.example", .want = "a@xn--bcher-kva.example" },
  { .name = "pattern", .text = "^.*@spam\\.example$", .want = "^.*@spam\\.example$" },
  { .name = "pattern keeps its case", .text = "^A", .want = "^A" },
  { .name = "empty", .text = "", .says = "neither an address nor a pattern" },
  { .name = "domain", .text = "example.com", .says = "neither an address nor a pattern" },
  { .name = "open group", .text = "^a(b", .says = "at offset 4: missing closing parenthesis" },
  { .name = "bad class", .text = "^[b", .says = "at offset 3: missing terminating ] for character class" },
  { .name = "nothing to repeat", .text = "^a(*b", .says = "at offset" },
  { .name = "\\C", .text = "^a\\C", .says = "at offset 4" },
  { .name = "two lines", .text = "^a\nb", .says = "not one line" },
  { .name = "Latin-1", .text = "^\344", .says = "not one line of UTF-8" },
  { .name = "compiles to too much", .text = "^(((((a{1,999}){1,999}){1,999}){1,999}){1,999})", .says = "too large" },
};

static void
test_parse(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(parse_rows); i++) {
    g_test_message("%s", parse_rows[i].name);
    g_autofree char *stored = NULL;
    g_autoptr(GError) error = NULL;
    enum res res = pattern_parse(parse_rows[i].text, &stored, &error);
    g_assert_cmpint(res, ==, parse_rows[i].want ? RES_OK : RES_BAD);
    g_assert_cmpstr(stored, ==, parse_rows[i].want);
    if (parse_rows[i].says && !strstr(error->message, parse_rows[i].says))
      g_error("%s: %s", parse_rows[i].name, error->message);
  }

  g_autofree char *text = g_strnfill(PATTERN_MAX + 1, 'a');
  text[0] = '^';
  g_autofree char *stored = NULL;
  g_assert_cmpint(pattern_parse(text, &stored, NULL), ==, RES_BAD);
  text[PATTERN_MAX] = '\0';
  g_assert_cmpint(pattern_parse(text, &stored, NULL), ==, RES_OK);
}

static const struct {
  const char *name, *stored, *key;
  bool want;
} hit_rows[] = {
  { .name = "address", .stored = "ann@example.com", .key = "ann@example.com", .want = true },
  { .name = "another", .stored = "ann@example.com", .key = "joann@example.com", .want = false },
  { .name = "pattern", .stored = "^.*@spam\\.example$", .key = "x@spam.example", .want = true },
  { .name = "pattern's dot", .stored = "^.*@spam\\.example$", .key = "x@spamxexample", .want = false },
  { .name = "case", .stored = "^ANN@", .key = "ann@example.com", .want = true },
  { .name = "at the start only", .stored = "^ann", .key = "joann@example.com", .want = false },
  { .name = "each branch at the start", .stored = "^a|nn", .key = "joann@example.com", .want = false },
  { .name = "start is enough", .stored = "^ann", .key = "ann@example.com", .want = true },
  { .name = "UTF-8", .stored = "^.@example", .key = "\303\244@example.com", .want = true },
  { .name = "invalid one", .stored = "^(", .key = "ann@example.com", .want = false },
  { .name = "steps without end", .stored = "^(([a-z])+)+$", .key = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", .want = false },
  { .name = "recursion without end", .stored = "^(a(?1)?b?|a)+$", .key = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", .want = false },
};

static void
test_hits(void)
{
  /* The second turn is answered from what was kept. */
  for (int turn = 0; turn < 2; turn++)
    for (size_t i = 0; i < G_N_ELEMENTS(hit_rows); i++) {
      g_test_message("%s", hit_rows[i].name);
      g_assert_cmpint(pattern_hits(hit_rows[i].stored, hit_rows[i].key), ==, hit_rows[i].want);
    }
}

static const struct {
  const char *name, *pattern, *text;
  enum pattern_found want;
} search_rows[] = {
  { .name = "anywhere", .pattern = "lamb", .text = "a little Lamb", .want = PATTERN_HIT },
  { .name = "at the start", .pattern = "^little", .text = "a little lamb", .want = PATTERN_MISS },
  { .name = "the same, kept anchored", .pattern = "^ann", .text = "ann", .want = PATTERN_HIT },
  { .name = "in an empty text", .pattern = "^$", .text = "", .want = PATTERN_HIT },
  { .name = "UTF-8", .pattern = "\303\204.$", .text = "x\303\244\303\244", .want = PATTERN_HIT },
  { .name = "invalid one", .pattern = "(", .text = "(", .want = PATTERN_MISS },
  { .name = "steps without end", .pattern = "(a+)+$", .text = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", .want = PATTERN_LIMIT },
};

static void
test_search(void)
{
  for (int turn = 0; turn < 2; turn++)
    for (size_t i = 0; i < G_N_ELEMENTS(search_rows); i++) {
      g_test_message("%s", search_rows[i].name);
      g_assert_cmpint(pattern_search(search_rows[i].pattern, search_rows[i].text), ==, search_rows[i].want);
    }
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(pattern_search_check("a(b", &error), ==, RES_BAD);
  g_assert_nonnull(strstr(error->message, "at offset 3"));
  g_assert_cmpint(pattern_search_check("b$", NULL), ==, RES_OK);
  g_autofree char *text = g_strnfill(PATTERN_MAX + 1, 'a');
  g_assert_cmpint(pattern_search_check(text, NULL), ==, RES_BAD);
  g_assert_cmpint(pattern_search_check(text + 1, NULL), ==, RES_OK);
}

/* More patterns than are kept. */
static void
test_many(void)
{
  for (int i = 0; i < 2500; i++) {
    g_autofree char *pattern = g_strdup_printf("^x%d@", i);
    g_autofree char *key = g_strdup_printf("x%d@example.com", i);
    g_assert_true(pattern_hits(pattern, key));
    g_assert_false(pattern_hits(pattern, "y@example.com"));
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/pattern/parse", test_parse);
  g_test_add_func("/pattern/hits", test_hits);
  g_test_add_func("/pattern/search", test_search);
  g_test_add_func("/pattern/many", test_many);
  return g_test_run();
}
