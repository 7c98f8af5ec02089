#include "server/housekeeping.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/thread.h"
#include "courier/ledger.h"
#include "list/tombstone.h"
#include "queue/front.h"
#include "queue/hold.h"
#include "queue/job.h"
#include "queue/retention.h"
#include "queue/suspect.h"
#include "store/space.h"
#include <stdatomic.h>

/* While anything is stored that time may take away. */
#define ROUND_TIME CLOCK_HOUR
/* After trouble with the database. */
#define RETRY_TIME CLOCK_MINUTE
/* Rows of one transaction. */
#define SLICE_SIZE 100
/* The same failure is an alarm once in so long. */
#define ALARM_TIME CLOCK_HOUR
/* Between two slices of room given back (µs); and so often a slice finds others waiting to write before the rest is left to the next round. */
#define SPACE_PAUSE 20000
#define SPACE_PATIENCE 100

struct failure {
  char *said; /* NULL: nothing failed so far */
  int64_t at; /* monotonic: of the last alarm */
};

/* What a round consists of, and may fail by itself. */
enum { SUSPECTS, SWEEP, SPACE, LOOK, OTHER_STEPS };

struct housekeeping {
  struct store *store;
  struct live_config *live;
  void (*wake)(void *ctx);
  void *wake_ctx;
  bool threaded;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool stop, look_now;
  bool asleep_for_good; /* nothing stored is subject to time */
  _Atomic bool stopping; /* as `stop`, for sweeps */
  struct failure *failures; /* the thread's: one for each task and each other step */
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
drop_unclaimed_jobs(struct tx *tx, void *arg, GError **error)
{
  struct round *round = arg;
  int n = 0;
  enum res res = job_drop_unclaimed(tx, round->now, SLICE_SIZE, &n, error);
  round->done = n;
  return res;
}

static enum res
prune_front(struct tx *tx, void *arg, GError **error)
{
  struct round *round = arg;
  int n = 0;
  enum res res = front_prune(tx, round->now, round->config->retention_dedupe, SLICE_SIZE, &n, error);
  round->done = n;
  return res;
}

static enum res
prune_ledger(struct tx *tx, void *arg, GError **error)
{
  struct round *round = arg;
  return ledger_prune(tx, round->now - round->config->retention_ledger, SLICE_SIZE, &round->done, error);
}

static enum res
prune_tombstones(struct tx *tx, void *arg, GError **error)
{
  struct round *round = arg;
  return tombstone_prune(tx, round->now - round->config->retention_ledger, SLICE_SIZE, round->now, &round->done, error);
}

static const struct task {
  const char *done; /* what the log says */
  store_fn slice;
  bool wakes;       /* gives the courier work */
} tasks[] = {
  { "held postings expired", expire_holds, false },
  { "owners' mail released", release_owner_mail, true },
  { "mail without a handler dropped unread", drop_stale_jobs, false },
  { "owners' mail dropped unread: there were no owners", drop_unclaimed_jobs, false },
  { "old verdicts of the front removed", prune_front, false },
  { "old rows of the ledger removed", prune_ledger, false },
  { "members, lists and domains that had left removed", prune_tombstones, false },
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
  enum res res = sql_int_of(tx, "SELECT 1 FROM posting UNION ALL SELECT 1 FROM bounce UNION ALL SELECT 1 FROM front_verdict LIMIT 1", SQL_NO_ARGS, &one, error);
  if (res == RES_MORE)
    res = tombstone_any(tx, error);
  *stored = res == RES_OK;
  return res == RES_MORE ? RES_OK : res;
}

static enum res
give_space_back(struct tx *tx, void *arg, GError **error)
{
  bool *more = arg;
  struct space space;
  enum res res = space_read(tx, &space, error);
  *more = res == RES_OK && space_is_much(&space);
  return *more ? space_give_back(tx, error) : res;
}

/* Only while nobody else waits to write: new mail takes the room as well. */
static enum res
return_space(struct housekeeping *housekeeping, GError **error)
{
  bool more = true;
  int busy = 0;
  enum res res = RES_OK;
  while (res == RES_OK && more && busy < SPACE_PATIENCE && !is_stopping(housekeeping)) {
    if (store_waiting(housekeeping->store) > 0)
      busy++;
    else
      res = store_write(housekeeping->store, give_space_back, &more, error);
    if (more)
      g_usleep(SPACE_PAUSE);
  }
  return res;
}

static enum res
sweep(struct housekeeping *housekeeping, const struct round *round, GError **error)
{
  const struct config *config = round->config;
  const struct retention_options retention = {
    .messages = config->retention_messages, .dedupe = config->retention_dedupe, .ledger = config->retention_ledger,
  };
  int64_t removed = 0;
  enum res res = retention_sweep(housekeeping->store, &retention, round->now, &housekeeping->stopping, &removed, error);
  if (removed)
    log_debug("old octets and postings removed", log_int("rows", removed));
  return res;
}

/* What fails does not keep the rest from being done, and does not cry in each round. */
static bool
has_failed(struct housekeeping *housekeeping, size_t step, enum res res, GError **error)
{
  struct failure *failure = &housekeeping->failures[step];
  if (res == RES_OK)
    g_clear_pointer(&failure->said, g_free);
  else if (g_strcmp0(failure->said, (*error)->message) != 0 || clock_monotonic() - failure->at >= ALARM_TIME) {
    log_alarm("housekeeping failed; it will be tried again", log_err(*error));
    g_free(failure->said);
    failure->said = g_strdup((*error)->message);
    failure->at = clock_monotonic();
  }
  g_clear_error(error);
  return res != RES_OK;
}

int64_t
housekeeping_round(struct housekeeping *housekeeping, int64_t now)
{
  const size_t other = G_N_ELEMENTS(tasks);
  const struct config *config = live_config_acquire(housekeeping->live);
  struct round round = { .config = config, .now = now, .next = INT64_MAX };
  g_autoptr(GError) error = NULL;
  bool stored = true;
  bool failed = false;
  for (size_t i = 0; i < G_N_ELEMENTS(tasks); i++)
    failed |= has_failed(housekeeping, i, run_task(housekeeping, &tasks[i], &round, &error), &error);
  failed |= has_failed(housekeeping, other + SUSPECTS, release_suspects(housekeeping, &round, &error), &error);
  failed |= has_failed(housekeeping, other + SWEEP, sweep(housekeeping, &round, &error), &error);
  failed |= has_failed(housekeeping, other + SPACE, return_space(housekeeping, &error), &error);
  failed |= has_failed(housekeeping, other + LOOK, store_read(housekeeping->store, is_anything_stored, &stored, &error), &error);
  live_config_release(housekeeping->live, config);
  if (failed)
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
    int64_t next = housekeeping_round(housekeeping, clock_now());
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
  for (size_t i = 0; i < G_N_ELEMENTS(tasks) + OTHER_STEPS; i++)
    g_free(housekeeping->failures[i].said);
  g_free(housekeeping->failures);
  g_free(housekeeping);
}

struct housekeeping *
housekeeping_new(struct store *store, struct live_config *live, void (*wake)(void *ctx), void *wake_ctx)
{
  struct housekeeping *housekeeping = g_new0(struct housekeeping, 1);
  housekeeping->failures = g_new0(struct failure, G_N_ELEMENTS(tasks) + OTHER_STEPS);
  housekeeping->store = store;
  housekeeping->live = live;
  housekeeping->wake = wake;
  housekeeping->wake_ctx = wake_ctx;
  pthread_mutex_init(&housekeeping->lock, NULL);
  pthread_cond_init(&housekeeping->changed, NULL);
  return housekeeping;
}

struct housekeeping *
housekeeping_start(struct store *store, struct live_config *live, void (*wake)(void *ctx), void *wake_ctx)
{
  struct housekeeping *housekeeping = housekeeping_new(store, live, wake, wake_ctx);
  housekeeping->threaded = thread_start(&housekeeping->thread, housekeeping_thread, housekeeping);
  if (housekeeping->threaded)
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
  if (housekeeping->threaded)
    pthread_join(housekeeping->thread, NULL);
  release(housekeeping);
}
