#include "server/housekeeping.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "queue/hold.h"
#include "queue/job.h"
#include "queue/retention.h"
#include <stdatomic.h>

/* While anything is stored that time may take away. */
#define ROUND_TIME CLOCK_HOUR
/* Rows of one transaction. */
#define SLICE_SIZE 100

struct housekeeping {
  struct store *store;
  struct live_config *live;
  void (*wake)(void *ctx);
  void *wake_ctx;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool stop, look_now;
  bool asleep_for_good; /* nothing stored is subject to time */
  _Atomic bool stopping; /* as `stop`, for sweeps */
};

struct expiry {
  int64_t now, next;
  int n;
};

static enum res
expire_holds(struct tx *tx, void *arg, GError **error)
{
  struct expiry *expiry = arg;
  return hold_expire(tx, expiry->now, SLICE_SIZE, &expiry->n, &expiry->next, error);
}

struct release {
  const char *site_owner;
  int64_t now;
  int n;
};

static enum res
release_owner_mail(struct tx *tx, void *arg, GError **error)
{
  struct release *release = arg;
  return job_release_owner(tx, release->site_owner, release->now, SLICE_SIZE, &release->n, error);
}

static bool
is_stopping(struct housekeeping *housekeeping)
{
  return atomic_load(&housekeeping->stopping);
}

/* Runs `write`, which counts what it did in `n`, until a slice is not full. `total` is how much was done. */
static enum res
in_slices(struct housekeeping *housekeeping, store_fn write, void *arg, const int *n, int64_t *total, GError **error)
{
  enum res res;
  *total = 0;
  do {
    res = store_write(housekeeping->store, write, arg, error);
    *total += res == RES_OK ? *n : 0;
  } while (res == RES_OK && *n >= SLICE_SIZE && !is_stopping(housekeeping));
  return res;
}

static enum res
is_anything_stored(struct tx *tx, void *arg, GError **error)
{
  bool *stored = arg;
  int64_t one;
  enum res res = sql_int_of(tx, "SELECT 1 FROM posting UNION ALL SELECT 1 FROM dedupe LIMIT 1", SQL_NO_ARGS, &one, error);
  *stored = res == RES_OK;
  return res == RES_MORE ? RES_OK : res;
}

static enum res
look(struct housekeeping *housekeeping, const struct config *config, int64_t now, int64_t *next, GError **error)
{
  struct expiry expiry = { .now = now };
  struct release release = { .site_owner = config->site_owner, .now = now };
  const struct retention_options retention = {
    .messages = config->retention_messages, .dedupe = config->retention_dedupe, .ledger = config->retention_ledger,
  };
  int64_t expired, released = 0, removed = 0;
  bool stored = false;
  enum res res = in_slices(housekeeping, expire_holds, &expiry, &expiry.n, &expired, error);
  if (res == RES_OK)
    res = in_slices(housekeeping, release_owner_mail, &release, &release.n, &released, error);
  if (released)
    housekeeping->wake(housekeeping->wake_ctx);
  if (res == RES_OK)
    res = retention_sweep(housekeeping->store, &retention, now, &housekeeping->stopping, &removed, error);
  if (res == RES_OK)
    res = store_read(housekeeping->store, is_anything_stored, &stored, error);
  if (removed)
    log_debug("old rows removed", log_int("rows", removed));
  *next = stored ? MIN(expiry.next, now + ROUND_TIME) : INT64_MAX;
  return res;
}

/* One round; gives when to look again, epoch microseconds. */
static int64_t
round_of(struct housekeeping *housekeeping)
{
  const struct config *config = live_config_acquire(housekeeping->live);
  g_autoptr(GError) error = NULL;
  int64_t now = clock_now(), next = now + ROUND_TIME;
  if (look(housekeeping, config, now, &next, &error) != RES_OK)
    log_alarm("housekeeping failed; it will be tried again", log_err(error));
  live_config_release(housekeeping->live, config);
  return next;
}

/* Lock held. */
static void
sleep_until(struct housekeeping *housekeeping, int64_t next)
{
  housekeeping->asleep_for_good = next == INT64_MAX;
  int64_t wait = MAX(next - clock_now(), CLOCK_SECOND);
  struct timespec until = thread_deadline(clock_monotonic() + MIN(wait, 365 * CLOCK_DAY));
  while (!housekeeping->stop && !housekeeping->look_now) {
    if (housekeeping->asleep_for_good)
      pthread_cond_wait(&housekeeping->changed, &housekeeping->lock);
    else if (pthread_cond_clockwait(&housekeeping->changed, &housekeeping->lock, CLOCK_MONOTONIC, &until) != 0)
      break;
  }
  housekeeping->look_now = false;
  housekeeping->asleep_for_good = false;
}

static void *
housekeeping_thread(void *data)
{
  struct housekeeping *housekeeping = data;
  pthread_mutex_lock(&housekeeping->lock);
  while (!housekeeping->stop) {
    pthread_mutex_unlock(&housekeeping->lock);
    int64_t next = round_of(housekeeping);
    pthread_mutex_lock(&housekeeping->lock);
    sleep_until(housekeeping, next);
  }
  pthread_mutex_unlock(&housekeeping->lock);
  return NULL;
}

static void
release(struct housekeeping *housekeeping)
{
  pthread_cond_destroy(&housekeeping->changed);
  pthread_mutex_destroy(&housekeeping->lock);
  g_free(housekeeping);
}

struct housekeeping *
housekeeping_start(struct store *store, struct live_config *live, void (*wake)(void *ctx), void *wake_ctx)
{
  struct housekeeping *housekeeping = g_new0(struct housekeeping, 1);
  housekeeping->store = store;
  housekeeping->live = live;
  housekeeping->wake = wake;
  housekeeping->wake_ctx = wake_ctx;
  pthread_mutex_init(&housekeeping->lock, NULL);
  pthread_cond_init(&housekeeping->changed, NULL);
  if (thread_start(&housekeeping->thread, housekeeping_thread, housekeeping))
    return housekeeping;
  release(housekeeping);
  return NULL;
}

void
housekeeping_wake(struct housekeeping *housekeeping)
{
  pthread_mutex_lock(&housekeeping->lock);
  housekeeping->look_now = true;
  pthread_cond_signal(&housekeeping->changed);
  pthread_mutex_unlock(&housekeeping->lock);
}

void
housekeeping_stir(struct housekeeping *housekeeping)
{
  pthread_mutex_lock(&housekeeping->lock);
  if (housekeeping->asleep_for_good) {
    housekeeping->look_now = true;
    pthread_cond_signal(&housekeeping->changed);
  }
  pthread_mutex_unlock(&housekeeping->lock);
}

void
housekeeping_free(struct housekeeping *housekeeping)
{
  if (housekeeping == NULL)
    return;
  atomic_store(&housekeeping->stopping, true);
  pthread_mutex_lock(&housekeeping->lock);
  housekeeping->stop = true;
  pthread_cond_signal(&housekeeping->changed);
  pthread_mutex_unlock(&housekeeping->lock);
  pthread_join(housekeeping->thread, NULL);
  release(housekeeping);
}
