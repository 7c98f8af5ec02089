#include "base/error.h"
#include <pthread.h>

#define THREADS 4

static pthread_barrier_t together;

static void *
ask(void *data)
{
  pthread_barrier_wait(&together);
  *(GQuark *)data = LISTWARD_ERROR;
  return NULL;
}

/* The first errors of a process may come from several sessions at once. Runs before anything else asks for the domain; ThreadSanitizer
 * sees what races here. */
static void
test_first_errors_together(void)
{
  pthread_t threads[THREADS];
  GQuark domains[THREADS] = { 0 };
  pthread_barrier_init(&together, NULL, THREADS);
  for (int i = 0; i < THREADS; i++)
    g_assert_cmpint(pthread_create(&threads[i], NULL, ask, &domains[i]), ==, 0);
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    g_assert_cmpuint(domains[i], !=, 0);
  }
  pthread_barrier_destroy(&together);
  for (int i = 0; i < THREADS; i++)
    g_assert_cmpuint(domains[i], ==, LISTWARD_ERROR);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/error/first errors together", test_first_errors_together);
  return g_test_run();
}
