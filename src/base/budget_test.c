#include "base/budget.h"
#include "base/thread.h"
#include "base/token.h"
#include <glib.h>
#include <string.h>

static void
test_limit(void)
{
  struct budget budget = { .limit = 100 };
  g_assert_true(budget_take(&budget, 60));
  g_assert_false(budget_take(&budget, 41));
  g_assert_true(budget_take(&budget, 40));
  budget_give(&budget, 100);
  g_assert_true(budget_take(&budget, 100));
}

static void *
take_and_give(void *data)
{
  struct budget *budget = data;
  for (int i = 0; i < 10000; i++)
    if (budget_take(budget, 3))
      budget_give(budget, 3);
  return NULL;
}

static void
test_threads(void)
{
  struct budget budget = { .limit = 7 };
  pthread_t threads[4];
  for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
    g_assert_true(thread_start(&threads[i], take_and_give, &budget));
  for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
    pthread_join(threads[i], NULL);
  g_assert_cmpint(budget.used, ==, 0);
}

static void
test_tokens(void)
{
  char one[TOKEN_SECRET + 1], two[TOKEN_SECRET + 1];
  token_random(one, TOKEN_SECRET);
  token_random(two, TOKEN_SECRET);
  g_assert_cmpuint(strlen(one), ==, TOKEN_SECRET);
  g_assert_cmpuint(strspn(one, "abcdefghijklmnopqrstuvwxyz0123456789"), ==, TOKEN_SECRET);
  g_assert_cmpstr(one, !=, two);
}

/* Many at once, as when one message goes to many lists. */
static void
test_ids(void)
{
  char before[TOKEN_ID + 1], id[TOKEN_ID + 1];
  token_id(before);
  for (int i = 0; i < 5000; i++) {
    token_id(id);
    g_assert_cmpuint(strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789"), ==, TOKEN_ID);
    g_assert_cmpstr(before, <, id);
    memcpy(before, id, sizeof before);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/budget/limit", test_limit);
  g_test_add_func("/budget/threads", test_threads);
  g_test_add_func("/token/random", test_tokens);
  g_test_add_func("/token/ids", test_ids);
  return g_test_run();
}
