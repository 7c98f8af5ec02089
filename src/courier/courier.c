#include "courier/courier.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/log.h"
#include "base/thread.h"
#include "courier/roster_chunk.h"
#include "courier/shape_choice.h"
#include "courier/takeback.h"
#include "courier/work_step.h"

/* Pauses while the outlet is not reached: this, doubling, up to the other. */
#define DOWN_FIRST CLOCK_SECOND
#define DOWN_LAST (5 * CLOCK_MINUTE)
/* A sleep until a time of the wall clock is looked at anew after this long, since somebody may set that clock. */
#define SLEEP_MAX CLOCK_HOUR
#define RECORD_TRIES_WHILE_STOPPING 3

/* Why the outlet was not reached, and until when it is left alone. */
struct down {
  int64_t since; /* epoch; 0: it is not down */
  int64_t pause, until; /* until: monotonic */
  char error[256];
};

struct courier {
  struct work_tools tools;
  struct outlet *outlet;
  char *hostname;
  int connections;
  pthread_t *threads;

  pthread_mutex_t lock; /* for all that follows */
  pthread_cond_t leader, followers, ended;
  int running;         /* threads */
  bool stopping, led;  /* led: there is a leader */
  unsigned generation; /* counts what a leader that has found nothing must look at again for */
  int in_flight;
  bool suspects;       /* perhaps there are deliveries to be run alone */
  bool alone;          /* one of them is in flight */
  struct down down;
};

struct courier *
courier_new(struct store *store, const struct courier_options *options, struct outlet *outlet)
{
  struct courier *courier = g_new0(struct courier, 1);
  const struct retry_schedule usual = { .first = 5 * CLOCK_MINUTE, .max = 4 * CLOCK_HOUR, .lifetime = 5 * CLOCK_DAY };
  courier->outlet = outlet;
  courier->hostname = g_strdup(options->hostname);
  courier->connections = MAX(options->connections, 1);
  courier->tools = (struct work_tools){
    .store = store,
    .shelf = parcel_shelf_new(store, options->max_octets > 0 ? options->max_octets : 64 * 1024 * 1024, courier->hostname),
    .retry = options->retry.first > 0 ? options->retry : usual,
    .personal_domains = shape_choice_domains(options->personal_domains),
    .chunk_size = options->chunk_size > 0 ? (size_t)MIN(options->chunk_size, ROSTER_CHUNK_MAX) : ROSTER_CHUNK_MAX,
  };
  courier->threads = g_new0(pthread_t, (size_t)courier->connections);
  pthread_mutex_init(&courier->lock, NULL);
  pthread_cond_init(&courier->leader, NULL);
  pthread_cond_init(&courier->followers, NULL);
  pthread_cond_init(&courier->ended, NULL);
  return courier;
}

void
courier_free(struct courier *courier)
{
  if (courier == NULL)
    return;
  g_assert(courier->running == 0);
  pthread_cond_destroy(&courier->leader);
  pthread_cond_destroy(&courier->followers);
  pthread_cond_destroy(&courier->ended);
  pthread_mutex_destroy(&courier->lock);
  parcel_shelf_free(courier->tools.shelf);
  outlet_free(courier->outlet);
  g_strfreev(courier->tools.personal_domains);
  g_free(courier->threads);
  g_free(courier->hostname);
  g_free(courier);
}

/* --- the outlet's state; locked --- */

static void
stir_leader(struct courier *courier)
{
  courier->generation++;
  pthread_cond_signal(&courier->leader);
}

/* While the outlet is down one piece of work at a time tries it; those that were in flight when it went down say nothing new. */
static void
note_down(struct courier *courier, const struct work *work)
{
  struct down *down = &courier->down;
  int64_t now = clock_monotonic();
  counter_add(COUNTER_OUTLET_DOWN, 1);
  if (down->since != 0 && now < down->until)
    return;
  if (down->since == 0)
    down->since = clock_now();
  down->pause = down->pause ? MIN(down->pause * 2, DOWN_LAST) : DOWN_FIRST;
  down->until = now + down->pause;
  g_strlcpy(down->error, work->why, sizeof(down->error));
  log_warn("outlet not reached", log_str("outlet", courier->outlet->name), log_str("error", work->why), log_int("again_after_s", down->pause / CLOCK_SECOND));
}

static void
note_result(struct courier *courier, const struct work *work)
{
  if (!work->reached)
    return;
  if (work->result == OUTLET_DOWN)
    note_down(courier, work);
  else {
    if (courier->down.since != 0)
      log_note("outlet reached again", log_str("outlet", courier->outlet->name), log_int("after_s", (clock_now() - courier->down.since) / CLOCK_SECOND));
    courier->down = (struct down){ .since = 0 };
  }
}

/* --- leading --- */

/* Locked. When the leader may claim: 0 now, INT64_MAX when it is told, else a time. */
static int64_t
claim_at(const struct courier *courier)
{
  if (courier->alone || (courier->down.since != 0 && courier->in_flight > 0))
    return INT64_MAX;
  return courier->down.since != 0 && clock_monotonic() < courier->down.until ? courier->down.until : 0;
}

/* A time of the wall clock as one of the monotonic clock. */
static int64_t
monotonic_of(int64_t at)
{
  if (at == INT64_MAX)
    return at;
  int64_t wait = at - clock_now();
  return wait <= 0 ? 0 : clock_monotonic() + MIN(wait, SLEEP_MAX);
}

static int64_t
claim_failed(GError *error)
{
  log_warn("no work can be claimed", log_err(error));
  g_error_free(error);
  return clock_monotonic() + CLOCK_SECOND;
}

/* Locked, but not while the database is asked. NULL: nothing is due before `until`. Deliveries that run alone are asked for when nothing
 * else is due or in flight, until there is none that still waits. */
static struct claim *
claim_work(struct courier *courier, int64_t *until)
{
  struct claim *claim = NULL;
  GError *error = NULL;
  int64_t next_at = INT64_MAX, suspect_at = INT64_MAX;
  bool try_suspects = courier->suspects && courier->in_flight == 0, suspect = false;
  pthread_mutex_unlock(&courier->lock);
  enum res res = work_step(&courier->tools, NULL, false, &claim, &next_at, &error);
  if (res == RES_OK && claim == NULL && try_suspects && monotonic_of(next_at) != 0) {
    res = work_step(&courier->tools, NULL, true, &claim, &suspect_at, &error);
    suspect = true;
  }
  *until = res == RES_OK ? monotonic_of(MIN(next_at, suspect_at)) : claim_failed(error);
  pthread_mutex_lock(&courier->lock);
  if (suspect && res == RES_OK) {
    courier->alone = claim != NULL;
    courier->suspects = claim != NULL || suspect_at != INT64_MAX;
  }
  return claim;
}

/* Locked, but not while asleep. Until `until`, or until stirred. */
static void
sleep_until(struct courier *courier, int64_t until, unsigned generation)
{
  pthread_mutex_unlock(&courier->lock);
  parcel_shelf_clear(courier->tools.shelf);
  int64_t expire = outlet_expire(courier->outlet, clock_monotonic());
  pthread_mutex_lock(&courier->lock);
  while (courier->generation == generation && !courier->stopping && clock_monotonic() < until) {
    struct timespec wake = thread_deadline(MIN(until, expire));
    pthread_cond_clockwait(&courier->leader, &courier->lock, CLOCK_MONOTONIC, &wake);
    if (clock_monotonic() < expire)
      continue;
    pthread_mutex_unlock(&courier->lock);
    expire = outlet_expire(courier->outlet, clock_monotonic());
    pthread_mutex_lock(&courier->lock);
  }
}

/* Locked. NULL: stopping. */
static struct claim *
find_work(struct courier *courier)
{
  while (!courier->stopping) {
    unsigned generation = courier->generation;
    struct claim *claim = NULL;
    int64_t until = claim_at(courier);
    if (until == 0)
      claim = claim_work(courier, &until);
    if (claim)
      return claim;
    if (until > 0)
      sleep_until(courier, until, generation);
  }
  return NULL;
}

/* Waits to be the leader, then for work; hands leadership on. NULL: stopping. */
static struct claim *
lead(struct courier *courier)
{
  struct claim *claim = NULL;
  pthread_mutex_lock(&courier->lock);
  while (courier->led && !courier->stopping)
    pthread_cond_wait(&courier->followers, &courier->lock);
  if (!courier->stopping) {
    courier->led = true;
    claim = find_work(courier);
    courier->led = false;
    courier->in_flight += claim != NULL;
    pthread_cond_signal(&courier->followers);
  }
  pthread_mutex_unlock(&courier->lock);
  return claim;
}

/* --- working --- */

/* The record must be written: who was sent to is known nowhere else. False: given up, since the courier is stopping; the claim is taken
 * back at the next start. */
static bool
wait_to_record(struct courier *courier, int tries, GError *error)
{
  log_error("what was sent cannot be recorded", log_err(error));
  g_error_free(error);
  pthread_mutex_lock(&courier->lock);
  struct timespec wake = thread_deadline(clock_monotonic() + CLOCK_SECOND);
  bool stopping = courier->stopping;
  pthread_cond_clockwait(&courier->ended, &courier->lock, CLOCK_MONOTONIC, &wake);
  pthread_mutex_unlock(&courier->lock);
  if (!stopping || tries < RECORD_TRIES_WHILE_STOPPING)
    return true;
  log_alarm("what was sent was not recorded: recipients may get it again");
  return false;
}

/* Records, and claims the next piece if that is `wanted` and there is one. */
static struct claim *
record(struct courier *courier, const struct work *work, bool wanted, int64_t *next_at)
{
  struct claim *next = NULL;
  GError *error = NULL;
  for (int tries = 1; work_step(&courier->tools, work, false, wanted ? &next : NULL, next_at, &error) != RES_OK; tries++) {
    wanted = false;
    if (!wait_to_record(courier, tries, g_steal_pointer(&error)))
      return NULL;
  }
  return next;
}

/* Sends a piece of work and gives the next one, or NULL. */
static struct claim *
run(struct courier *courier, struct claim *claim)
{
  struct work work;
  int64_t next_at = 0;
  work_send(&work, &courier->tools, courier->outlet, claim);

  pthread_mutex_lock(&courier->lock);
  note_result(courier, &work);
  bool wanted = !courier->stopping && !courier->alone && courier->down.since == 0;
  pthread_mutex_unlock(&courier->lock);

  struct claim *next = record(courier, &work, wanted, &next_at);
  work_clear(&work);
  log_posting(NULL);

  pthread_mutex_lock(&courier->lock);
  courier->alone = false;
  if (next == NULL) {
    courier->in_flight--;
    stir_leader(courier);
  }
  pthread_mutex_unlock(&courier->lock);
  return next;
}

static void *
worker(void *arg)
{
  struct courier *courier = arg;
  for (struct claim *claim = lead(courier); claim; claim = lead(courier))
    while (claim)
      claim = run(courier, claim);
  pthread_mutex_lock(&courier->lock);
  courier->running--;
  pthread_cond_broadcast(&courier->ended);
  pthread_mutex_unlock(&courier->lock);
  return NULL;
}

/* --- start and stop --- */

static enum res
write_takeback(struct tx *tx, void *arg, GError **error)
{
  return takeback_run(tx, arg, error);
}

static enum res
take_back(struct courier *courier, GError **error)
{
  struct takeback takeback = { .taken = 0 };
  enum res res = store_write(courier->tools.store, write_takeback, &takeback, error);
  if (res == RES_OK) {
    courier->suspects = takeback.suspects > 0;
    if (takeback.taken > 0)
      log_note("deliveries in progress taken back", log_int("deliveries", takeback.taken), log_int("alone", takeback.suspects));
    for (guint i = 0; i < takeback.set_aside->len; i++)
      log_alarm("a delivery is set aside: the process died each time it was tried", log_str("posting", g_ptr_array_index(takeback.set_aside, i)));
  }
  takeback_clear(&takeback);
  return res == RES_OK ? RES_OK : RES_TEMP;
}

enum res
courier_start(struct courier *courier, GError **error)
{
  enum res res = take_back(courier, error);
  if (res != RES_OK)
    return res;
  outlet_cut(courier->outlet, false);
  pthread_mutex_lock(&courier->lock);
  courier->stopping = false;
  while (courier->running < courier->connections && thread_start(&courier->threads[courier->running], worker, courier))
    courier->running++;
  int running = courier->running;
  pthread_mutex_unlock(&courier->lock);
  if (running == courier->connections)
    return RES_OK;
  courier->connections = running;
  courier_stop(courier, 0);
  return trouble(error, REPLY_TROUBLE, "no room for the courier's threads");
}

void
courier_wake(struct courier *courier)
{
  pthread_mutex_lock(&courier->lock);
  stir_leader(courier);
  pthread_mutex_unlock(&courier->lock);
}

void
courier_retry(struct courier *courier)
{
  pthread_mutex_lock(&courier->lock);
  courier->down.until = 0;
  courier->down.pause = 0;
  stir_leader(courier);
  pthread_mutex_unlock(&courier->lock);
}

void
courier_quiesce(struct courier *courier)
{
  pthread_mutex_lock(&courier->lock);
  courier->stopping = true;
  pthread_cond_broadcast(&courier->leader);
  pthread_cond_broadcast(&courier->followers);
  pthread_mutex_unlock(&courier->lock);
}

void
courier_stop(struct courier *courier, int64_t deadline)
{
  struct timespec end = thread_deadline(deadline);
  courier_quiesce(courier);
  pthread_mutex_lock(&courier->lock);
  while (courier->running > 0 && clock_monotonic() < deadline)
    pthread_cond_clockwait(&courier->ended, &courier->lock, CLOCK_MONOTONIC, &end);
  bool late = courier->running > 0;
  pthread_mutex_unlock(&courier->lock);
  if (late)
    outlet_cut(courier->outlet, true);
  for (int i = 0; i < courier->connections; i++)
    pthread_join(courier->threads[i], NULL);
}

void
courier_state(struct courier *courier, struct courier_state *state)
{
  pthread_mutex_lock(&courier->lock);
  const struct down *down = &courier->down;
  *state = (struct courier_state){ .in_flight = courier->in_flight, .down_since = down->since };
  if (down->since != 0)
    state->next_try = clock_now() + MAX(down->until - clock_monotonic(), 0);
  g_strlcpy(state->error, down->error, sizeof(state->error));
  pthread_mutex_unlock(&courier->lock);
}
