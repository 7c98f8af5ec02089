#include "base/in_hand.h"
#include "base/clock.h"
#include "base/thread.h"
#include <glib/gstdio.h>

static void
reopen(const char *path, guint want, struct in_hand_note first)
{
  g_autoptr(GArray) left = NULL;
  in_hand_close();
  g_assert_cmpint(in_hand_open(path, &left, NULL), ==, RES_OK);
  g_assert_cmpuint(left->len, ==, want);
  if (want) {
    g_assert_cmpint(g_array_index(left, struct in_hand_note, 0).kind, ==, first.kind);
    g_assert_cmpint(g_array_index(left, struct in_hand_note, 0).key, ==, first.key);
  }
}

/* What is not given back is found by the next one, until that has said that it knows. */
static void
test_left(void)
{
  const struct in_hand_note none = { IN_HAND_NOTHING, 0 }, job = { IN_HAND_JOB, 7 };
  g_autofree char *folder = g_dir_make_tmp("in-hand-XXXXXX", NULL), *path = g_build_filename(folder, "in-hand", NULL);
  g_assert_cmpint(in_hand_take(IN_HAND_JOB, 7), ==, -1);
  in_hand_give(-1);
  reopen(path, 0, none);
  in_hand_forget();
  int given = in_hand_take(IN_HAND_MESSAGE, -5);
  g_assert_cmpint(given, >=, 0);
  g_assert_cmpint(in_hand_take(job.kind, job.key), >=, 0);
  in_hand_give(given);
  reopen(path, 1, job);
  reopen(path, 1, job);
  in_hand_forget();
  reopen(path, 0, none);
  in_hand_wait(); /* of no piece */
  reopen(path, 0, none);
  in_hand_begin(9);
  in_hand_wait();
  reopen(path, 1, (struct in_hand_note){ IN_HAND_WAITING, 9 });
  in_hand_go_on();
  reopen(path, 1, (struct in_hand_note){ IN_HAND_AT_WORK, 9 });
  in_hand_end();
  reopen(path, 0, none);
  for (int i = 0; i < 1024; i++)
    g_assert_cmpint(in_hand_take(IN_HAND_DELIVERY, i), >=, 0);
  g_assert_cmpint(in_hand_take(IN_HAND_DELIVERY, 1), ==, -1);
  in_hand_forget();
  in_hand_close();
  g_unlink(path);
  g_rmdir(folder);
}

static void *
try_alone(void *deadline)
{
  bool alone = in_hand_alone(*(int64_t *)deadline);
  if (alone)
    in_hand_not_alone();
  return GINT_TO_POINTER(alone);
}

static bool
could_be_alone(int64_t deadline)
{
  pthread_t thread;
  void *alone;
  g_assert_true(thread_start(&thread, try_alone, &deadline));
  pthread_join(thread, &alone);
  return GPOINTER_TO_INT(alone);
}

static void
test_alone(void)
{
  g_assert_true(could_be_alone(clock_monotonic() + CLOCK_MINUTE));
  in_hand_join();
  g_assert_false(could_be_alone(clock_monotonic()));
  in_hand_leave();
  g_assert_true(could_be_alone(clock_monotonic() + CLOCK_MINUTE));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/in-hand/left", test_left);
  g_test_add_func("/in-hand/alone", test_alone);
  return g_test_run();
}
