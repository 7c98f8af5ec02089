#include "base/crash_point.h"
#ifdef LISTWARD_CRASH_POINTS
#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
  char name[64]; /* "": none */
  long at;
  const char *poison; /* NULL: none */
} plan;
static atomic_long passed;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
read_plan(void)
{
  const char *at = getenv("LISTWARD_CRASH_AT");
  plan.poison = getenv("LISTWARD_POISON");
  if (at == NULL)
    return;
  struct slice name = slice_until(slice_of(at), ':');
  g_snprintf(plan.name, sizeof plan.name, "%.*s", SLICE_FMT(name));
  plan.at = at[name.n] == ':' ? strtol(at + name.n + 1, NULL, 10) : 1;
}

/* Nothing of this thread comes after it; the others end as soon as they are seen. */
static _Noreturn void
die(void)
{
  for (;;) {
    kill(getpid(), SIGKILL);
    pause();
  }
}

void
crash_point_pass(const char *name)
{
  pthread_once(&once, read_plan);
  if (plan.name[0] == '\0' || (strcmp(plan.name, name) != 0 && strcmp(plan.name, "any") != 0))
    return;
  if (atomic_fetch_add(&passed, 1) + 1 == plan.at)
    die();
}

void
crash_point_taste(const char *stage, struct slice text)
{
  pthread_once(&once, read_plan);
  if (plan.poison == NULL || text.n == 0)
    return;
  char word[80];
  g_snprintf(word, sizeof word, "%s-%s@", plan.poison, stage);
  if (memmem(text.p, text.n, word, strlen(word)))
    die();
}
#else
/* ISO C forbids a file without anything. */
extern int crash_point_unused;
int crash_point_unused;
#endif
