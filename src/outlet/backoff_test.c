#include "outlet/backoff.h"
#include "base/clock.h"
#include <glib.h>

#define NOW INT64_C(1800000000000000)

/* One failure each time the pause is over: the pauses in seconds. */
static void
test_pauses(void)
{
  static const int wanted[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300 };
  struct backoff backoff = { .since = 0 };
  int64_t at = 1000;
  for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++) {
    g_assert_true(backoff_is_over(&backoff, at));
    g_assert_true(backoff_failed(&backoff, "why", NOW + at, at));
    g_assert_cmpint(backoff.pause, ==, wanted[i] * CLOCK_SECOND);
    g_assert_false(backoff_is_over(&backoff, at + backoff.pause - 1));
    at += backoff.pause;
  }
  g_assert_cmpint(backoff.since, ==, NOW + 1000);
}

static void
test_tries_that_had_begun(void)
{
  struct backoff backoff = { .since = 0 };
  g_assert_true(backoff_failed(&backoff, "first", NOW, 0));
  g_assert_false(backoff_failed(&backoff, "second", NOW + 1, 1));
  g_assert_cmpint(backoff.pause, ==, CLOCK_SECOND);
  g_assert_cmpstr(backoff.error, ==, "first");
}

static void
test_reached(void)
{
  struct backoff backoff = { .since = 0 };
  g_assert_cmpint(backoff_reached(&backoff, NOW), ==, -1);
  (void)backoff_failed(&backoff, "why", NOW, 0);
  g_assert_cmpint(backoff_next_try(&backoff, NOW, 0), ==, NOW + CLOCK_SECOND);
  g_assert_cmpint(backoff_next_try(&backoff, NOW + CLOCK_HOUR, CLOCK_HOUR), ==, NOW + CLOCK_HOUR);
  g_assert_cmpint(backoff_reached(&backoff, NOW + 5), ==, 5);
  g_assert_false(backoff_is_down(&backoff));
  g_assert_cmpint(backoff_next_try(&backoff, NOW, 0), ==, 0);
  g_assert_true(backoff_failed(&backoff, "again", NOW, 0));
  g_assert_cmpint(backoff.pause, ==, CLOCK_SECOND);
}

/* The clock was set back meanwhile. */
static void
test_clock_set_back(void)
{
  struct backoff backoff = { .since = 0 };
  (void)backoff_failed(&backoff, "why", NOW, 0);
  g_assert_cmpint(backoff_reached(&backoff, NOW - CLOCK_HOUR), ==, 0);
}

static void
test_retry(void)
{
  struct backoff backoff = { .since = 0 };
  for (int64_t at = 0; at < CLOCK_MINUTE; at = backoff.until)
    g_assert_true(backoff_failed(&backoff, "why", NOW, at));
  backoff_retry(&backoff);
  g_assert_true(backoff_is_down(&backoff));
  g_assert_true(backoff_is_over(&backoff, 0));
  g_assert_true(backoff_failed(&backoff, "why", NOW, 1));
  g_assert_cmpint(backoff.pause, ==, CLOCK_SECOND);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/backoff/pauses", test_pauses);
  g_test_add_func("/backoff/tries that had begun", test_tries_that_had_begun);
  g_test_add_func("/backoff/reached", test_reached);
  g_test_add_func("/backoff/clock set back", test_clock_set_back);
  g_test_add_func("/backoff/retry", test_retry);
  return g_test_run();
}
