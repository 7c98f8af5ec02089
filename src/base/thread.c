#include "base/thread.h"
#include "base/clock.h"
#include "base/log.h"
#include <glib.h>
#include <signal.h>

/* Enough for the deepest call with SQLite below it; sanitizers need more. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
#ifdef SANITIZED
#define STACK_SIZE (2 * 1024 * 1024)
#else
#define STACK_SIZE (256 * 1024)
#endif

static bool
start(pthread_t *thread, void *(*run)(void *), void *data, int detach_state)
{
  pthread_attr_t attributes;
  sigset_t all, before;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_SIZE);
  pthread_attr_setdetachstate(&attributes, detach_state);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int result = pthread_create(thread, &attributes, run, data);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return result == 0;
}

bool
thread_start(pthread_t *thread, void *(*run)(void *), void *data)
{
  return start(thread, run, data, PTHREAD_CREATE_JOINABLE);
}

/* Threads that nobody joins stay for the next of their kind, a few of them: to make one costs the newcomer more than most questions take to answer. */
#define PARKED_MAX 8

struct task {
  void *(*run)(void *);
  void *data;
};

static struct {
  pthread_mutex_t lock;
  pthread_cond_t handed;
  int waiting; /* threads to which no task was handed yet */
  struct task tasks[PARKED_MAX];
  int n;
} parked = { .lock = PTHREAD_MUTEX_INITIALIZER, .handed = PTHREAD_COND_INITIALIZER };

/* False: enough others wait. */
static bool
next_task(struct task *task)
{
  pthread_mutex_lock(&parked.lock);
  bool stays = parked.waiting + parked.n < PARKED_MAX;
  if (stays) {
    parked.waiting++;
    while (parked.n == 0)
      pthread_cond_wait(&parked.handed, &parked.lock);
    *task = parked.tasks[--parked.n];
  }
  pthread_mutex_unlock(&parked.lock);
  return stays;
}

static bool
hand_over(struct task task)
{
  pthread_mutex_lock(&parked.lock);
  bool taken = parked.waiting > 0;
  if (taken) {
    parked.waiting--;
    parked.tasks[parked.n++] = task;
    pthread_cond_signal(&parked.handed);
  }
  pthread_mutex_unlock(&parked.lock);
  return taken;
}

static void *
work(void *data)
{
  struct task task = *(struct task *)data;
  g_free(data);
  do {
    task.run(task.data);
    log_session(NULL);
    log_posting(NULL);
  } while (next_task(&task));
  return NULL;
}

bool
thread_start_detached(void *(*run)(void *), void *data)
{
  const struct task task = { run, data };
  if (hand_over(task))
    return true;
  pthread_t thread;
  struct task *first = g_new(struct task, 1);
  *first = task;
  bool started = start(&thread, work, first, PTHREAD_CREATE_DETACHED);
  if (!started)
    g_free(first);
  return started;
}

struct timespec
thread_deadline(int64_t monotonic)
{
  return (struct timespec){ .tv_sec = (time_t)(monotonic / CLOCK_SECOND), .tv_nsec = (long)(monotonic % CLOCK_SECOND) * 1000 };
}
