#include "base/thread.h"
#include "base/clock.h"
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

bool
thread_start_detached(void *(*run)(void *), void *data)
{
  pthread_t thread;
  return start(&thread, run, data, PTHREAD_CREATE_DETACHED);
}

struct timespec
thread_deadline(int64_t monotonic)
{
  return (struct timespec){ .tv_sec = (time_t)(monotonic / CLOCK_SECOND), .tv_nsec = (long)(monotonic % CLOCK_SECOND) * 1000 };
}
