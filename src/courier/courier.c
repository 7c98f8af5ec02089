#include "courier/courier.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "base/in_hand.h"
#include "base/log.h"
#include "base/thread.h"
#include "courier/clamp.h"
#include "courier/lane.h"
#include "courier/list_load.h"
#include "courier/shape_choice.h"
#include "courier/takeback.h"
#include "courier/work_step.h"

/* While something waits for a time of the wall clock, it is looked so often whether somebody has set that clock: what differs by so much is no drift. */
#define CLOCK_LOOK CLOCK_MINUTE
#define CLOCK_SET CLOCK_SECOND
#define RECORD_TRIES_WHILE_STOPPING 10
#define PAUSE_WHILE_STOPPING (CLOCK_SECOND / 10)
/* While the database fails it is asked so often, and so often that is said: by all threads together. */
#define DATABASE_PAUSE CLOCK_SECOND
#define TELL_EVERY CLOCK_MINUTE

/* A piece of work in flight. */
struct piece {
  struct lane *lane;
  struct claim *claim;
  int64_t list_id, octets; /* of all its copies together */
};

struct courier {
  char *hostname;
  char **personal_domains;
  struct lane lanes[CONFIG_OUTLETS_MAX];
  const char *sections[CONFIG_OUTLETS_MAX]; /* of the lanes */
  size_t n_lanes;
  int n_threads;
  pthread_t *threads;

  pthread_mutex_t lock; /* for all that follows, and the lanes' in_flight */
  pthread_cond_t leader, followers, ended;
  pthread_cond_t woken; /* somebody from outside says that there is work: the database may do again */
  unsigned wakes;
  int64_t told_at; /* monotonic: that the database fails; 0: it does not */
  int running;         /* threads */
  bool stopping, led;  /* led: there is a leader */
  unsigned generation; /* counts what a leader that has found nothing must look at again for */
  int in_flight;       /* pieces */
  size_t turn;         /* the lane that is asked first */
  struct list_load *load;
  bool strays;         /* perhaps there are deliveries for outlets that there are not */
  GHashTable *told;    /* such outlets that an alarm was logged for */
  bool suspects;       /* perhaps there are deliveries to be run alone */
  bool alone;          /* one of them is in flight */
  int64_t ahead;       /* of the monotonic clock is the wall clock, as seen last */
};

struct courier *
courier_new(struct store *store, const struct courier_options *options, struct outlet *const *outlets, size_t n)
{
  g_assert(n >= 1 && n <= CONFIG_OUTLETS_MAX);
  struct courier *courier = g_new0(struct courier, 1);
  courier->hostname = g_strdup(options->hostname);
  courier->personal_domains = shape_choice_domains(options->personal_domains);
  for (; courier->n_lanes < n; courier->n_lanes++) {
    struct lane *lane = &courier->lanes[courier->n_lanes];
    lane_init(lane, outlets[courier->n_lanes], store, options, n, courier->hostname, courier->personal_domains);
    courier->sections[courier->n_lanes] = lane->outlet->section;
    courier->n_threads += lane->outlet->connections;
  }
  courier->load = list_load_new(options->max_in_flight > 0 ? options->max_in_flight : INT64_MAX);
  courier->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  courier->threads = g_new0(pthread_t, (size_t)courier->n_threads);
  pthread_mutex_init(&courier->lock, NULL);
  pthread_cond_init(&courier->leader, NULL);
  pthread_cond_init(&courier->followers, NULL);
  pthread_cond_init(&courier->ended, NULL);
  pthread_cond_init(&courier->woken, NULL);
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
  pthread_cond_destroy(&courier->woken);
  pthread_mutex_destroy(&courier->lock);
  for (size_t i = 0; i < courier->n_lanes; i++)
    lane_clear(&courier->lanes[i]);
  list_load_free(courier->load);
  g_hash_table_unref(courier->told);
  g_strfreev(courier->personal_domains);
  g_free(courier->threads);
  g_free(courier->hostname);
  g_free(courier);
}

/* --- leading --- */

/* Locked. */
static void
stir_leader(struct courier *courier)
{
  courier->generation++;
  pthread_cond_signal(&courier->leader);
}

/* A time of the wall clock as one of the monotonic clock. */
static int64_t
monotonic_of(int64_t at)
{
  if (at == INT64_MAX)
    return at;
  int64_t wait = at - clock_now();
  return wait <= 0 ? 0 : clock_monotonic() + wait;
}

/* Locked. True: somebody has set the wall clock since that was minded last, or the machine has slept, which the monotonic clock does not count. */
static bool
clock_is_set(const struct courier *courier)
{
  int64_t by = clock_now() - clock_monotonic() - courier->ahead;
  return by > CLOCK_SET || by < -CLOCK_SET;
}

/* Locked, but not while the database is written. False: that failed. */
static bool
mind_clock(struct courier *courier)
{
  g_autoptr(GError) error = NULL;
  bool set = clock_is_set(courier);
  int64_t ahead = clock_now() - clock_monotonic(), by = ahead - courier->ahead;
  courier->ahead = ahead;
  if (!set)
    return true;
  pthread_mutex_unlock(&courier->lock);
  log_warn("the clock was set", log_int("seconds", by / CLOCK_SECOND));
  enum res res = clamp_all(courier->lanes[0].tools.store, &courier->lanes[0].tools.retry, &error);
  if (res != RES_OK)
    log_error("what waits for a time could not be put right", log_err(error));
  pthread_mutex_lock(&courier->lock);
  if (res != RES_OK)
    courier->ahead -= by;
  return res == RES_OK;
}

/* Locked. Takes `error` over. */
static void
tell_database_fails(struct courier *courier, const char *event, GError *error)
{
  int64_t now = clock_monotonic();
  if (courier->told_at == 0 || now - courier->told_at >= TELL_EVERY) {
    courier->told_at = now;
    log_error(event, log_err(error));
  }
  g_error_free(error);
}

/* Locked. */
static void
tell_database_works(struct courier *courier)
{
  if (courier->told_at)
    log_note("the database takes the courier's work again");
  courier->told_at = 0;
}

/* Not locked. */
static int64_t
claim_failed(struct courier *courier, GError *error)
{
  pthread_mutex_lock(&courier->lock);
  tell_database_fails(courier, "no work can be claimed", error);
  pthread_mutex_unlock(&courier->lock);
  return clock_monotonic() + DATABASE_PAUSE;
}

/* Locked. Asks for work of each outlet that has room, which counts a piece more until that is decided. Gives when another may have room. */
static int64_t
ask_for_work(struct courier *courier, struct next_work *next, struct lane *asked[CONFIG_OUTLETS_MAX])
{
  int64_t until = INT64_MAX;
  for (size_t i = 0; i < courier->n_lanes; i++) {
    struct lane *lane = &courier->lanes[(courier->turn + i) % courier->n_lanes];
    int64_t again;
    if (lane_room(lane, &again) > 0) {
      lane->in_flight++;
      asked[next->n_outlets] = lane;
      next->outlets[next->n_outlets++] = lane->outlet->section;
    } else
      until = MIN(until, again);
  }
  next->n_lists = list_load_full(courier->load, next->lists, CLAIM_LISTS_MAX);
  return until;
}

/* Locked. Only that of what was claimed keeps its piece. */
static void
keep_claimed(struct courier *courier, const struct next_work *next, struct lane *const *asked)
{
  for (size_t i = 0; i < next->n_outlets; i++)
    if (next->claim == NULL || i != next->outlet)
      asked[i]->in_flight--;
  if (next->claim)
    courier->turn = ((size_t)(asked[next->outlet] - courier->lanes) + 1) % courier->n_lanes;
}

/* Locked. */
static struct piece
piece_of(struct courier *courier, struct lane *lane, struct claim *claim)
{
  struct piece piece = { .lane = lane, .claim = claim, .list_id = claim->list_id, .octets = claim->size * (int64_t)claim->targets->len };
  list_load_add(courier->load, piece.list_id, piece.octets);
  return piece;
}

/* Deliveries of a list whose setting names an outlet that there is not were routed to the default one. */
static void
tell_strays(struct courier *courier, const GPtrArray *strays)
{
  for (guint i = 0; strays && i < strays->len; i++)
    if (g_hash_table_add(courier->told, g_strdup(g_ptr_array_index(strays, i))))
      log_alarm("copies for an outlet that is not configured go by [outlet]", log_str("outlet", g_ptr_array_index(strays, i)));
}

/* Deliveries that run alone are asked for when nothing else is due or in flight. Gives when something will be due. */
static int64_t
claim_any(struct courier *courier, struct next_work *next, bool try_suspects)
{
  const struct work_tools *tools = &courier->lanes[0].tools;
  GError *error = NULL;
  enum res res = work_step(tools, NULL, next, &error);
  int64_t at = next->next_at;
  if (res == RES_OK && next->configured) {
    tell_strays(courier, next->strays);
    g_clear_pointer(&next->strays, g_ptr_array_unref);
    next->configured = NULL;
  }
  if (res == RES_OK && next->claim == NULL && try_suspects && monotonic_of(at) != 0) {
    next->suspects = true;
    res = work_step(tools, NULL, next, &error);
    next->suspects = res == RES_OK; /* else nothing is known of them */
  }
  return res == RES_OK ? monotonic_of(MIN(at, next->next_at)) : claim_failed(courier, error);
}

/* Locked, but not while the database is asked. False: nothing is due before `until`. */
static bool
claim_work(struct courier *courier, struct piece *piece, int64_t *until)
{
  struct next_work next = { .next_at = INT64_MAX };
  struct lane *asked[CONFIG_OUTLETS_MAX];
  *until = ask_for_work(courier, &next, asked);
  if (next.n_outlets == 0)
    return false;
  bool try_suspects = courier->suspects && courier->in_flight == 0, strays = courier->strays;
  if (strays) {
    next.configured = courier->sections;
    next.n_configured = courier->n_lanes;
  }
  courier->strays = false;
  pthread_mutex_unlock(&courier->lock);
  int64_t due = claim_any(courier, &next, try_suspects);
  pthread_mutex_lock(&courier->lock);
  *until = MIN(*until, due);
  courier->strays |= next.configured != NULL; /* it was not done */
  keep_claimed(courier, &next, asked);
  if (next.suspects) {
    courier->alone = next.claim != NULL;
    courier->suspects = next.claim != NULL || next.next_at != INT64_MAX || next.n_outlets < courier->n_lanes;
  }
  if (next.claim)
    *piece = piece_of(courier, asked[next.outlet], next.claim);
  return next.claim != NULL;
}

/* Locked, but not while asleep. Until `until`, until stirred, or until somebody has set the clock. */
static void
sleep_until(struct courier *courier, int64_t until, unsigned generation)
{
  pthread_mutex_unlock(&courier->lock);
  lanes_forget_messages(courier->lanes, courier->n_lanes);
  int64_t expire = lanes_expire(courier->lanes, courier->n_lanes);
  pthread_mutex_lock(&courier->lock);
  while (courier->generation == generation && !courier->stopping && clock_monotonic() < until && (until == INT64_MAX || !clock_is_set(courier))) {
    int64_t look = until == INT64_MAX ? until : clock_monotonic() + CLOCK_LOOK;
    struct timespec wake = thread_deadline(MIN(MIN(until, expire), look));
    pthread_cond_clockwait(&courier->leader, &courier->lock, CLOCK_MONOTONIC, &wake);
    if (clock_monotonic() < expire)
      continue;
    pthread_mutex_unlock(&courier->lock);
    expire = lanes_expire(courier->lanes, courier->n_lanes);
    pthread_mutex_lock(&courier->lock);
  }
}

/* Locked. False: stopping. */
static bool
find_work(struct courier *courier, struct piece *piece)
{
  while (!courier->stopping) {
    unsigned generation = courier->generation;
    int64_t until = INT64_MAX;
    if (!mind_clock(courier))
      until = clock_monotonic() + CLOCK_SECOND;
    else if (!courier->alone && claim_work(courier, piece, &until))
      return true;
    if (until > 0)
      sleep_until(courier, until, generation);
  }
  return false;
}

/* Waits to be the leader, then for work; hands leadership on. False: stopping. */
static bool
lead(struct courier *courier, struct piece *piece)
{
  bool found = false;
  pthread_mutex_lock(&courier->lock);
  while (courier->led && !courier->stopping)
    pthread_cond_wait(&courier->followers, &courier->lock);
  if (!courier->stopping) {
    courier->led = true;
    found = find_work(courier, piece);
    courier->led = false;
    courier->in_flight += found;
    pthread_cond_signal(&courier->followers);
  }
  pthread_mutex_unlock(&courier->lock);
  return found;
}

/* --- working --- */

/* The record must be written: who was sent to is known nowhere else. False: given up, since the courier is stopping; the claim is taken
 * back at the next start. `tries`: those that failed while it was. */
static bool
wait_to_record(struct courier *courier, int *tries, GError *error)
{
  pthread_mutex_lock(&courier->lock);
  struct timespec until = thread_deadline(clock_monotonic() + (courier->stopping ? PAUSE_WHILE_STOPPING : DATABASE_PAUSE));
  tell_database_fails(courier, "what was sent cannot be recorded", error);
  *tries += courier->stopping;
  bool again = *tries < RECORD_TRIES_WHILE_STOPPING;
  unsigned wakes = courier->wakes;
  in_hand_wait();
  while (again && courier->wakes == wakes && pthread_cond_clockwait(&courier->woken, &courier->lock, CLOCK_MONOTONIC, &until) == 0)
    ;
  in_hand_go_on();
  pthread_mutex_unlock(&courier->lock);
  if (!again)
    log_alarm("what was sent was not recorded: recipients may get it again");
  return again;
}

/* Records, and claims the next piece if that is wanted (`next` not NULL). After a failure nothing is claimed. */
static void
record(struct courier *courier, const struct lane *lane, const struct work *work, struct next_work *next)
{
  GError *error = NULL;
  int tries = 0;
  while (work_step(&lane->tools, work, next, &error) != RES_OK) {
    next = NULL;
    if (!wait_to_record(courier, &tries, g_steal_pointer(&error)))
      return;
  }
}

/* Locked. True: when `piece` has ended the outlet can take another, and `next` asks for it. The list of this one may be that of the next. */
static bool
wants_more(struct courier *courier, const struct piece *piece, struct next_work *next)
{
  int64_t again;
  if (courier->stopping || courier->alone || lane_room(piece->lane, &again) < 0)
    return false;
  next->outlets[next->n_outlets++] = piece->lane->outlet->section;
  (void)list_load_remove(courier->load, piece->list_id, piece->octets);
  next->n_lists = list_load_full(courier->load, next->lists, CLAIM_LISTS_MAX);
  list_load_add(courier->load, piece->list_id, piece->octets);
  return true;
}

/* Locked. The piece has ended; the next one takes its place if there is one. The leader looks again if there may be more room than that. */
static bool
take_turn(struct courier *courier, struct piece *piece, struct claim *next)
{
  struct lane *lane = piece->lane;
  int64_t again;
  tell_database_works(courier);
  bool stir = list_load_remove(courier->load, piece->list_id, piece->octets);
  courier->alone = false;
  if (next)
    *piece = piece_of(courier, lane, next);
  else {
    lane->in_flight--;
    courier->in_flight--;
  }
  if (stir || next == NULL || lane_room(lane, &again) > 0)
    stir_leader(courier);
  return next != NULL;
}

/* Sends a piece of work. True: it is the next one then. */
static bool
run(struct courier *courier, struct piece *piece)
{
  struct work work;
  struct next_work next = { .next_at = INT64_MAX };
  in_hand_join();
  in_hand_begin(piece->claim->delivery_id);
  work_send(&work, &piece->lane->tools, piece->lane->outlet, piece->claim);

  pthread_mutex_lock(&courier->lock);
  bool wanted = wants_more(courier, piece, &next);
  pthread_mutex_unlock(&courier->lock);

  record(courier, piece->lane, &work, wanted ? &next : NULL);
  work_clear(&work);
  in_hand_end();
  in_hand_leave();
  log_posting(NULL);

  pthread_mutex_lock(&courier->lock);
  bool again = take_turn(courier, piece, next.claim);
  pthread_mutex_unlock(&courier->lock);
  return again;
}

static void *
worker(void *arg)
{
  struct courier *courier = arg;
  struct piece piece;
  while (lead(courier, &piece))
    while (run(courier, &piece))
      ;
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
  enum res res = store_write(courier->lanes[0].tools.store, write_takeback, &takeback, error);
  CRASH_POINT_IF(takeback.taken > 0, "takeback-committed");
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
  courier->ahead = clock_now() - clock_monotonic();
  enum res res = take_back(courier, error);
  if (res == RES_OK)
    res = clamp_all(courier->lanes[0].tools.store, &courier->lanes[0].tools.retry, error);
  if (res != RES_OK)
    return res;
  lanes_cut(courier->lanes, courier->n_lanes, false);
  pthread_mutex_lock(&courier->lock);
  courier->stopping = false;
  courier->strays = true;
  while (courier->running < courier->n_threads && thread_start(&courier->threads[courier->running], worker, courier))
    courier->running++;
  int running = courier->running;
  pthread_mutex_unlock(&courier->lock);
  if (running == courier->n_threads)
    return RES_OK;
  courier->n_threads = running;
  courier_stop(courier, 0);
  return trouble(error, REPLY_TROUBLE, "no room for the courier's threads");
}

void
courier_wake(struct courier *courier)
{
  pthread_mutex_lock(&courier->lock);
  courier->strays = true;
  courier->wakes++;
  pthread_cond_broadcast(&courier->woken);
  stir_leader(courier);
  pthread_mutex_unlock(&courier->lock);
}

void
courier_retry(struct courier *courier)
{
  for (size_t i = 0; i < courier->n_lanes; i++)
    outlet_retry(courier->lanes[i].outlet);
  courier_wake(courier);
}

void
courier_refresh(struct courier *courier)
{
  for (size_t i = 0; i < courier->n_lanes; i++)
    outlet_refresh(courier->lanes[i].outlet);
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
    lanes_cut(courier->lanes, courier->n_lanes, true);
  for (int i = 0; i < courier->n_threads; i++)
    pthread_join(courier->threads[i], NULL);
}

void
courier_state(struct courier *courier, struct courier_state *state)
{
  *state = (struct courier_state){ .hops = hop_states_new() };
  pthread_mutex_lock(&courier->lock);
  state->in_flight = courier->in_flight;
  pthread_mutex_unlock(&courier->lock);
  state->down_since = lanes_state(courier->lanes, courier->n_lanes, state->hops);
}

void
courier_state_clear(struct courier_state *state)
{
  g_array_unref(state->hops);
}
