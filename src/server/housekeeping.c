#include "server/housekeeping.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/thread.h"
#include "courier/ledger.h"
#include "queue/hold.h"
#include "queue/job.h"
#include "queue/retention.h"
#include "queue/suspect.h"
#include <stdatomic.h>

/* While anything is stored that time may take away. */
#define ROUND_TIME CLOCK_HOUR
/* After trouble with the database. */
#define RETRY_TIME CLOCK_MINUTE
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

/* --- the tasks: one slice each --- */

struct round {
  const struct config *config;
  int64_t now;
  int64_t next; /* result: when the next hold expires */
  int64_t done; /* result: of the slice at hand */
};

static enum res
expire_holds(struct tx *tx, void *arg, GError **error)
{
  struct round *round = arg;
  int n = 0;
  enum res res = hold_expire(tx, round->now, SLICE_SIZE, &n, &round->next, error);
  round->done = n;
  return res;
}

static enum res
release_owner_mail(struct tx *tx, void *arg, GError **error)
{
  struct round *round = arg;
  int n = 0;
  enum res res = job_release_owner(tx, round->config->site_owner, round->now, false, SLICE_SIZE, &n, error);
  round->done = n;
  return res;
}

/* One at a time: if the process dies of it, it is known of which. */
static enum res
release_suspect(struct tx *tx, void *arg, GError **error)
{
  struct round *round = arg;
  int n = 0;
  enum res res = job_release_owner(tx, round->config->site_owner, round->now, true, 1, &n, error);
  round->done = n;
  return res;
}

static enum res
drop_stale_jobs(struct tx *tx, void *arg, GError **error)
{
  struct round *round = arg;
  int n = 0;
  enum res res = job_drop_stale(tx, round->now, SLICE_SIZE, &n, error);
  round->done = n;
  return res;
}

static enum res
prune_ledger(struct tx *tx, void *arg, GError **error)
{
  struct round *round = arg;
  return ledger_prune(tx, round->now - round->config->retention_ledger, SLICE_SIZE, &round->done, error);
}

static const struct task {
  const char *done; /* what the log says */
  store_fn slice;
  bool wakes;       /* gives the courier work */
} tasks[] = {
  { "held postings expired", expire_holds, false },
  { "owners' mail released", release_owner_mail, true },
  { "mail without a handler dropped unread", drop_stale_jobs, false },
  { "old rows of the ledger removed", prune_ledger, false },
};

static bool
is_stopping(struct housekeeping *housekeeping)
{
  return atomic_load(&housekeeping->stopping);
}

static enum res
has_suspects(struct tx *tx, void *arg, GError **error)
{
  return job_has_suspects(tx, arg, error);
}

/* Owners' mail that the process has died with twice goes when nothing else is in hand, or in the next round. */
static enum res
release_suspects(struct housekeeping *housekeeping, struct round *round, GError **error)
{
  bool has;
  enum res res = store_read(housekeeping->store, has_suspects, &has, error);
  if (res != RES_OK || !has || !in_hand_alone(clock_monotonic() + SUSPECT_PATIENCE))
    return res;
  do {
    round->done = 0;
    res = store_write(housekeeping->store, release_suspect, round, error);
  } while (res == RES_OK && round->done > 0 && !is_stopping(housekeeping));
  in_hand_not_alone();
  housekeeping->wake(housekeeping->wake_ctx);
  return res;
}

/* Slices until one is not full. */
static enum res
run_task(struct housekeeping *housekeeping, const struct task *task, struct round *round, GError **error)
{
  int64_t total = 0;
  enum res res;
  do {
    round->done = 0;
    in_hand_join();
    res = store_write(housekeeping->store, task->slice, round, error);
    in_hand_leave();
    total += res == RES_OK ? round->done : 0;
    CRASH_POINT_IF(round->done > 0, "housekeeping-committed");
  } while (res == RES_OK && round->done >= SLICE_SIZE && !is_stopping(housekeeping));
  if (total)
    log_note(task->done, log_int("rows", total));
  if (total && task->wakes)
    housekeeping->wake(housekeeping->wake_ctx);
  return res;
}

/* --- the rounds --- */

static enum res
is_anything_stored(struct tx *tx, void *arg, GError **error)
{
  bool *stored = arg;
  int64_t one;
  enum res res = sql_int_of(tx, "SELECT 1 FROM posting UNION ALL SELECT 1 FROM bounce LIMIT 1", SQL_NO_ARGS, &one, error);
  *stored = res == RES_OK;
  return res == RES_MORE ? RES_OK : res;
}

static enum res
look(struct housekeeping *housekeeping, struct round *round, bool *stored, GError **error)
{
  const struct config *config = round->config;
  const struct retention_options retention = {
    .messages = config->retention_messages, .dedupe = config->retention_dedupe, .ledger = config->retention_ledger,
  };
  int64_t removed = 0;
  enum res res = RES_OK;
  for (size_t i = 0; res == RES_OK && i < G_N_ELEMENTS(tasks); i++)
    res = run_task(housekeeping, &tasks[i], round, error);
  if (res == RES_OK)
    res = release_suspects(housekeeping, round, error);
  if (res == RES_OK)
    res = retention_sweep(housekeeping->store, &retention, round->now, &housekeeping->stopping, &removed, error);
  if (removed)
    log_debug("old keys, octets and postings removed", log_int("rows", removed));
  return res == RES_OK ? store_read(housekeeping->store, is_anything_stored, stored, error) : res;
}

/* One round; gives when to look again, epoch microseconds. */
static int64_t
round_of(struct housekeeping *housekeeping)
{
  const struct config *config = live_config_acquire(housekeeping->live);
  struct round round = { .config = config, .now = clock_now(), .next = INT64_MAX };
  g_autoptr(GError) error = NULL;
  bool stored = true;
  enum res res = look(housekeeping, &round, &stored, &error);
  if (res != RES_OK)
    log_alarm("housekeeping failed; it will be tried again", log_err(error));
  live_config_release(housekeeping->live, config);
  if (res != RES_OK)
    return round.now + RETRY_TIME; /* not at the next hold's expiry, which may be past */
  return stored ? MIN(round.next, round.now + ROUND_TIME) : INT64_MAX;
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
