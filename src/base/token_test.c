#include "base/token.h"
#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LETTERS "0123456789abcdefghijklmnopqrstuvwxyz"
#define THREADS 4
#define IDS 2000

/* Seconds by which somebody has set the wall clock. */
static _Atomic time_t set_by;

/* In place of the library's. */
int
clock_gettime(clockid_t id, struct timespec *t)
{
  int result = (int)syscall(SYS_clock_gettime, id, t);
  t->tv_sec += id == CLOCK_REALTIME ? set_by : 0;
  return result;
}

static void
test_random(void)
{
  char one[TOKEN_SECRET + 1], two[TOKEN_SECRET + 1];
  token_random(one, TOKEN_SECRET);
  token_random(two, TOKEN_SECRET);
  g_assert_cmpuint(strspn(one, LETTERS), ==, TOKEN_SECRET);
  g_assert_cmpuint(strlen(one), ==, TOKEN_SECRET);
  g_assert_cmpstr(one, !=, two);
}

/* Each is greater than the one before, also when the clock goes back a day. */
static void
test_ids_grow(void)
{
  char id[TOKEN_ID + 1], before[TOKEN_ID + 1] = "";
  for (int i = 0; i < IDS; i++) {
    set_by = i < IDS / 2 ? 0 : -86400;
    token_id(id);
    g_assert_cmpuint(strspn(id, LETTERS), ==, TOKEN_ID);
    g_assert_cmpuint(strlen(id), ==, TOKEN_ID);
    g_assert_cmpstr(id, >, before);
    memcpy(before, id, sizeof id);
  }
  set_by = 0;
}

static void *
make_ids(void *arg)
{
  char(*ids)[TOKEN_ID + 1] = arg;
  for (int i = 0; i < IDS; i++)
    token_id(ids[i]);
  return NULL;
}

/* What tells time is given out once, so that ids differ whatever is random in them. */
static void
test_threads(void)
{
  static char ids[THREADS][IDS][TOKEN_ID + 1];
  pthread_t threads[THREADS];
  g_autoptr(GHashTable) times = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (int i = 0; i < THREADS; i++)
    g_assert_cmpint(pthread_create(&threads[i], NULL, make_ids, ids[i]), ==, 0);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  for (int i = 0; i < THREADS * IDS; i++)
    g_assert_true(g_hash_table_add(times, g_strndup(ids[i / IDS][i % IDS], 10)));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/token/random", test_random);
  g_test_add_func("/token/ids-grow", test_ids_grow);
  g_test_add_func("/token/threads", test_threads);
  return g_test_run();
}
