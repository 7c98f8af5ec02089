#include "base/thread.h"
#include <glib.h>
#include <stdatomic.h>

#define TASKS 2000

static struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int done, open, gate; /* gate: tasks that may end */
} state = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void
wait_until(const int *value, int wanted)
{
  pthread_mutex_lock(&state.lock);
  while (*value < wanted)
    pthread_cond_wait(&state.changed, &state.lock);
  pthread_mutex_unlock(&state.lock);
}

/* Marks its number, and waits for the gate. */
static void *
run(void *data)
{
  pthread_mutex_lock(&state.lock);
  state.open++;
  pthread_cond_broadcast(&state.changed);
  while (state.gate == 0)
    pthread_cond_wait(&state.changed, &state.lock);
  atomic_fetch_add((atomic_int *)data, 1);
  state.done++;
  pthread_cond_broadcast(&state.changed);
  pthread_mutex_unlock(&state.lock);
  return NULL;
}

static void
set_gate(int gate)
{
  pthread_mutex_lock(&state.lock);
  state.gate = gate;
  pthread_cond_broadcast(&state.changed);
  pthread_mutex_unlock(&state.lock);
}

/* Each is run once, whether a thread was waiting for it or not; as many at a time as are begun. */
static void
test_detached(void)
{
  static atomic_int runs[TASKS];
  enum { AT_A_TIME = 20 };
  for (int i = 0; i < TASKS; i++) {
    if (i % AT_A_TIME == 0) {
      wait_until(&state.done, i);
      set_gate(0);
      state.open = 0;
    }
    g_assert_true(thread_start_detached(run, &runs[i]));
    if (i % AT_A_TIME == AT_A_TIME - 1) {
      wait_until(&state.open, AT_A_TIME); /* none waits for another to end */
      set_gate(1);
    }
  }
  wait_until(&state.done, TASKS);
  for (int i = 0; i < TASKS; i++)
    g_assert_cmpint(atomic_load(&runs[i]), ==, 1);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/thread/detached", test_detached);
  return g_test_run();
}
