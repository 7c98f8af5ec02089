/* When newcomers are turned away, and when that is over. */
#include "server/shortage.h"
#include <glib.h>

static const struct {
  const char *name;
  size_t at, then; /* sessions when it began, and now */
  bool over;
} rows[] = {
  { .name = "as many", .at = 500, .then = 500, .over = false },
  { .name = "a few went", .at = 500, .then = 401, .over = false },
  { .name = "a fifth went", .at = 500, .then = 400, .over = true },
  { .name = "one of three went", .at = 3, .then = 2, .over = false },
  { .name = "four of ten went", .at = 10, .then = 6, .over = false },
  { .name = "five of ten went", .at = 10, .then = 5, .over = true },
  { .name = "one of two went", .at = 2, .then = 1, .over = true },
  { .name = "one is few", .at = 1, .then = 1, .over = true },
  { .name = "none at all", .at = 0, .then = 0, .over = true },
};

static void
test_once(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct shortages shortages = { 0 };
    int64_t refused[SHORTAGES];
    g_test_message("%s", rows[i].name);
    g_assert_true(shortage_begins(&shortages, OF_THREADS, rows[i].at));
    g_assert_false(shortage_begins(&shortages, OF_THREADS, rows[i].at));
    shortages_end(&shortages, rows[i].then, refused);
    g_assert_cmpint(refused[OF_THREADS], ==, rows[i].over ? 2 : 0);
    g_assert_cmpint(refused[OF_SESSIONS], ==, 0);
    g_assert_cmpint(shortage_begins(&shortages, OF_THREADS, rows[i].at), ==, rows[i].over);
    shortages_end(&shortages, 0, refused);
    g_assert_cmpint(refused[OF_THREADS], ==, rows[i].over ? 1 : 3);
  }
}

/* Each of the three by itself. */
static void
test_apart(void)
{
  struct shortages shortages = { 0 };
  int64_t refused[SHORTAGES];
  for (enum shortage shortage = 0; shortage < SHORTAGES; shortage++)
    g_assert_true(shortage_begins(&shortages, shortage, 100 * ((size_t)shortage + 1)));
  shortages_end(&shortages, 200, refused);
  g_assert_cmpint(refused[OF_SESSIONS], ==, 0);
  g_assert_cmpint(refused[OF_DESCRIPTORS], ==, 0);
  g_assert_cmpint(refused[OF_THREADS], ==, 1);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/shortage/once", test_once);
  g_test_add_func("/shortage/apart", test_apart);
  return g_test_run();
}
