#include "courier/attempts.h"

static char *
add(const char *history, int64_t at)
{
  g_autofree char *text = g_strdup_printf("451 %" G_GINT64_FORMAT, at);
  return attempts_add(slice_of(history), &(struct attempt){ .at = at, .via = SLICE("h:25 1/2"), .text = slice_of(text) });
}

/* The first and the last are kept, and how many there were between. */
static void
test_bounded(void)
{
  g_autofree char *history = g_strdup("");
  for (int64_t n = 1; n <= 40; n++) {
    g_autofree char *before = history;
    history = add(before, n);
    int64_t told = 0, dropped = 0, last = 0;
    struct attempt attempt;
    for (struct slice rest = slice_of(history); attempts_next(&rest, &attempt);) {
      dropped += attempt.dropped;
      if (attempt.dropped)
        g_assert_cmpint(last, ==, ATTEMPTS_FIRST);
      else {
        told++;
        g_assert_cmpint(attempt.at, ==, told <= ATTEMPTS_FIRST ? told : told + dropped);
        last = attempt.at;
      }
    }
    g_assert_cmpint(told, ==, MIN(n, ATTEMPTS_FIRST + ATTEMPTS_LAST));
    g_assert_cmpint(told + dropped, ==, n);
    g_assert_cmpint(last, ==, n);
  }
}

static const struct {
  const char *name, *line;
  bool read;
  const char *via, *text;
} rows[] = {
  { "whole", "17 h:25 1/2\t250 a b\n", true, "h:25 1/2", "250 a b" },
  { "nobody was reached", "17 \tlost\n", true, "", "lost" },
  { "nothing was said", "17 h\t\n", true, "h", "" },
  { "no line end", "17 h\tx", true, "h", "x" },
  { "no tab", "17 h x\n", false },
  { "no blank", "17\tx\n", false },
  { "no time", "x h\tx\n", false },
  { "nothing", "\n", false },
  { "nothing dropped", "dropped 0\n", false },
  { "dropped what?", "dropped x\n", false },
};

static void
test_lines(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct slice rest = slice_of(rows[i].line);
    struct attempt attempt;
    g_test_message("%s", rows[i].name);
    g_assert_cmpint(attempts_next(&rest, &attempt), ==, rows[i].read);
    g_assert_cmpuint(rest.n, ==, 0);
    if (rows[i].read)
      g_assert_true(attempt.at == 17 && slice_equal(attempt.via, slice_of(rows[i].via)) && slice_equal(attempt.text, slice_of(rows[i].text)));
  }
}

static void
test_damaged_history(void)
{
  g_autofree char *history = add("nonsense\ndropped 999999999999999999\n17 h\tx\nmore\n", 18);
  g_assert_cmpstr(history, ==, "17 h\tx\n18 h:25 1/2\t451 18\n");
  g_autofree char *empty = attempts_add((struct slice){ NULL, 0 }, &(struct attempt){ .at = 1, .via = SLICE(""), .text = SLICE("") });
  g_assert_cmpstr(empty, ==, "1 \t\n");
}

static void
test_clean(void)
{
  g_autofree char *text = g_strnfill(600, 'x'), *cut = attempt_clean(slice_of(text));
  g_assert_cmpuint(strlen(cut), ==, 512);
  memcpy(text + 511, "\303\244", 2); /* a character across the bound */
  g_autofree char *whole = attempt_clean(slice_of(text));
  g_assert_cmpuint(strlen(whole), ==, 511);
  g_autofree char *blanks = attempt_clean(SLICE("a\nb\tc"));
  g_assert_cmpstr(blanks, ==, "a b c");
}

static void
test_of_reply(void)
{
  struct transmission_reply reply = { .text = (char *)"250 a", .via = (char *)"h", .at = 5 };
  struct attempt attempt = attempt_of(&reply, 9);
  g_assert_true(attempt.at == 5 && slice_equal(attempt.via, SLICE("h")) && slice_equal(attempt.text, SLICE("250 a")));
  attempt = attempt_of(NULL, 9);
  g_assert_true(attempt.at == 9 && attempt.via.n == 0 && attempt.text.n == 0);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/attempts/bounded", test_bounded);
  g_test_add_func("/attempts/lines", test_lines);
  g_test_add_func("/attempts/damaged", test_damaged_history);
  g_test_add_func("/attempts/clean", test_clean);
  g_test_add_func("/attempts/of reply", test_of_reply);
  return g_test_run();
}
