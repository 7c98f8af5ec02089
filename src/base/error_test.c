#include "base/error.h"
#include <errno.h>
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

static void
test_files(void)
{
  static const struct {
    const char *name;
    int number;
    enum reply want;
  } rows[] = {
    { .name = "full disk", .number = ENOSPC, .want = REPLY_FULL },
    { .name = "quota", .number = EDQUOT, .want = REPLY_FULL },
    { .name = "limit of a file", .number = EFBIG, .want = REPLY_FULL },
    { .name = "not allowed", .number = EACCES, .want = REPLY_TROUBLE },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *words = g_strdup_printf("/a/b: making it: %s", g_strerror(rows[i].number));
    g_test_message("%s", rows[i].name);
    errno = rows[i].number;
    g_assert_cmpint(file_trouble("/a/b", "making it", &error), ==, RES_TEMP);
    g_assert_cmpint(error_reply(error, REPLY_OK), ==, rows[i].want);
    g_assert_cmpstr(error->message, ==, words);
    errno = rows[i].number;
    g_assert_cmpint(file_trouble("/a/b", "making it", NULL), ==, RES_TEMP);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/error/first errors together", test_first_errors_together);
  g_test_add_func("/error/files", test_files);
  return g_test_run();
}
