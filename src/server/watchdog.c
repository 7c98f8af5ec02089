#include "server/watchdog.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/slice.h"
#include "base/thread.h"
#include "server/notify.h"
#include <errno.h>
#include <unistd.h>

struct watchdog {
  bool (*able)(void *ctx, int64_t deadline);
  void *ctx;
  int64_t interval;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t stop;
  bool stopping;
};

/* 0: not set, or no number. */
static int64_t
number_in(const char *variable)
{
  const char *text = g_getenv(variable);
  int64_t number;
  return text && slice_to_uint(slice_of(text), &number) ? number : 0;
}

/* sd_watchdog_enabled(3); 0: nobody asks this process. */
static int64_t
interval_asked_for(void)
{
  const char *pid = g_getenv("WATCHDOG_PID");
  return pid == NULL || number_in("WATCHDOG_PID") == getpid() ? number_in("WATCHDOG_USEC") / 2 : 0;
}

/* True: it is time to stop. Lock held. */
static bool
wait_until(struct watchdog *watchdog, int64_t at)
{
  const struct timespec until = thread_deadline(at);
  while (!watchdog->stopping)
    if (pthread_cond_clockwait(&watchdog->stop, &watchdog->lock, CLOCK_MONOTONIC, &until) == ETIMEDOUT)
      return false;
  return true;
}

static void *
watchdog_thread(void *data)
{
  struct watchdog *watchdog = data;
  int64_t at = clock_monotonic();
  pthread_mutex_lock(&watchdog->lock);
  while (!wait_until(watchdog, at)) {
    pthread_mutex_unlock(&watchdog->lock);
    at += watchdog->interval;
    if (watchdog->able(watchdog->ctx, at))
      notify_send("WATCHDOG=1");
    else
      log_alarm("the server does not get on with its work: systemd is not told that it does");
    at = MAX(at, clock_monotonic());
    pthread_mutex_lock(&watchdog->lock);
  }
  pthread_mutex_unlock(&watchdog->lock);
  return NULL;
}

enum res
watchdog_start(bool (*able)(void *ctx, int64_t deadline), void *ctx, struct watchdog **watchdog, GError **error)
{
  int64_t interval = interval_asked_for();
  *watchdog = NULL;
  if (interval == 0)
    return RES_OK;
  struct watchdog *made = g_new0(struct watchdog, 1);
  *made = (struct watchdog){ .able = able, .ctx = ctx, .interval = interval };
  pthread_mutex_init(&made->lock, NULL);
  pthread_cond_init(&made->stop, NULL);
  if (thread_start(&made->thread, watchdog_thread, made)) {
    *watchdog = made;
    return RES_OK;
  }
  pthread_cond_destroy(&made->stop);
  pthread_mutex_destroy(&made->lock);
  g_free(made);
  return trouble(error, REPLY_TROUBLE, "no thread for the watchdog");
}

void
watchdog_free(struct watchdog *watchdog)
{
  if (watchdog == NULL)
    return;
  pthread_mutex_lock(&watchdog->lock);
  watchdog->stopping = true;
  pthread_cond_signal(&watchdog->stop);
  pthread_mutex_unlock(&watchdog->lock);
  pthread_join(watchdog->thread, NULL);
  pthread_cond_destroy(&watchdog->stop);
  pthread_mutex_destroy(&watchdog->lock);
  g_free(watchdog);
}
