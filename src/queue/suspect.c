#include "queue/suspect.h"
#include "base/clock.h"
#include "base/log.h"
#include "queue/set_aside.h"
#include <pthread.h>
#include <string.h>

/* A message that its MTA has given up long ago is forgotten. */
#define FORGET_AFTER (14 * CLOCK_DAY)
/* Octets of a message that go into its key, besides their number. */
#define KEY_OCTETS 8192

static struct {
  pthread_mutex_t lock;
  int64_t left; /* messages, jobs and claims being made that the last process had in hand */
  GHashTable *messages; /* key to strikes, of those that have two or more; NULL: none */
} known = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* --- the start --- */

struct start {
  const GArray *left;
  int64_t now;
  int64_t others; /* deliveries that were in hand */
};

static enum res
strike(struct tx *tx, const struct start *start, const struct in_hand_note *note, GError **error)
{
  int64_t weight = suspects_weight(start->others) * STRIKES_AT_WORK;
  switch (note->kind) {
  case IN_HAND_MESSAGE:
    return sql_run(tx,
                   "INSERT INTO suspect (key, strikes, at) VALUES ($1, 1, $2) "
                   "ON CONFLICT (key) DO UPDATE SET strikes = suspect.strikes + CASE WHEN suspect.strikes < $3 THEN 1 ELSE $4 END, at = excluded.at",
                   SQL_ARGS(sql_int(note->key), sql_int(start->now), sql_int(STRIKES_ALONE), sql_int(weight)), error);
  case IN_HAND_JOB:
    return sql_run(tx, "UPDATE job SET strikes = strikes + CASE WHEN strikes < $2 THEN 1 ELSE $3 END WHERE id = $1", SQL_ARGS(sql_int(note->key), sql_int(STRIKES_ALONE), sql_int(weight)), error);
  case IN_HAND_DELIVERY: /* one whose chunks were in hand, too, gets its strike with them */
    return sql_run(tx,
                   "UPDATE delivery SET strikes = strikes + CASE WHEN strikes < $2 THEN 1 ELSE $3 END, due_at = COALESCE(due_at, 0) WHERE id = $1 "
                   "AND NOT EXISTS (SELECT 1 FROM chunk WHERE chunk.delivery_id = $1 AND chunk.state = 1) "
                   "AND NOT EXISTS (SELECT 1 FROM recipient WHERE recipient.delivery_id = $1 AND recipient.state = 1)",
                   SQL_ARGS(sql_int(note->key), sql_int(STRIKES_ALONE), sql_int(weight)), error);
  case IN_HAND_AT_WORK: /* one strike comes with its chunks */
    return sql_run(tx, "UPDATE delivery SET strikes = strikes + $3 WHERE id = $1 AND strikes >= $2",
                   SQL_ARGS(sql_int(note->key), sql_int(STRIKES_ALONE), sql_int(weight ? STRIKES_AT_WORK - 1 : 0)), error);
  case IN_HAND_WAITING:
  case IN_HAND_NOTHING:
  case IN_HAND_KINDS:
    break;
  }
  return RES_OK;
}

static enum res
record(struct tx *tx, void *arg, GError **error)
{
  struct start *start = arg;
  enum res res = sql_int_of(tx,
                            "SELECT (SELECT COUNT(*) FROM chunk WHERE state <> 2 AND state = 1) + (SELECT COUNT(*) FROM recipient WHERE state <= 1 AND state = 1)",
                            SQL_NO_ARGS, &start->others, error);
  for (guint i = 0; res == RES_OK && i < start->left->len; i++)
    res = strike(tx, start, &g_array_index(start->left, struct in_hand_note, i), error);
  if (res == RES_OK)
    res = sql_run(tx, "DELETE FROM suspect WHERE at < $1", SQL_ARGS(sql_int(start->now - FORGET_AFTER)), error);
  return res;
}

static enum res
count(struct tx *tx, void *arg, GError **error)
{
  return set_aside_count(tx, arg, error);
}

/* What is set aside is said at each start: it waits for somebody. */
static enum res
tell(struct store *store, GError **error)
{
  struct set_aside_counts counts;
  enum res res = store_read(store, count, &counts, error);
  if (res == RES_OK && counts.deliveries)
    log_alarm("postings are still set aside: look at `listward queue`", log_int("postings", counts.deliveries));
  if (res == RES_OK && counts.messages)
    log_alarm("messages are refused for now: the process died each time it judged or stored them", log_int("messages", counts.messages));
  if (res == RES_OK && counts.jobs)
    log_alarm("mail is set aside: the process died each time a handler had it", log_int("messages", counts.jobs));
  return res;
}

enum res
suspects_start(struct store *store, const char *path, GError **error)
{
  g_autoptr(GArray) left = NULL;
  enum res res = in_hand_open(path, &left, error);
  if (res != RES_OK)
    return res;
  struct start start = { .left = left, .now = clock_now() };
  known.left = 0;
  for (guint i = 0; i < left->len; i++) {
    enum in_hand_kind kind = g_array_index(left, struct in_hand_note, i).kind;
    known.left += kind != IN_HAND_AT_WORK && kind != IN_HAND_WAITING;
  }
  if (left->len > 0)
    res = store_write(store, record, &start, error);
  if (res != RES_OK)
    return res;
  in_hand_forget();
  res = suspects_reload(store, error);
  return res == RES_OK ? tell(store, error) : res;
}

int64_t
suspects_weight(int64_t deliveries)
{
  return known.left + deliveries > 1 ? 0 : 1;
}

/* --- messages --- */

static enum res
read_messages(struct tx *tx, void *arg, GError **error)
{
  GHashTable *messages = arg;
  g_hash_table_remove_all(messages);
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT key, strikes FROM suspect", SQL_NO_ARGS, &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK) {
    int64_t key = row_int(rows, 0);
    g_hash_table_insert(messages, g_memdup2(&key, sizeof key), GINT_TO_POINTER((int)row_int(rows, 1)));
  }
  return res == RES_MORE ? RES_OK : res;
}

enum res
suspects_reload(struct store *store, GError **error)
{
  g_autoptr(GHashTable) messages = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  enum res res = store_read(store, read_messages, messages, error);
  if (res != RES_OK)
    return res;
  pthread_mutex_lock(&known.lock);
  g_clear_pointer(&known.messages, g_hash_table_unref);
  if (g_hash_table_size(messages) > 0)
    known.messages = g_steal_pointer(&messages);
  pthread_mutex_unlock(&known.lock);
  return RES_OK;
}

/* FNV-1a, eight octets at a time. */
int64_t
suspect_key(const char *reverse_path, struct slice octets)
{
  const uint64_t prime = UINT64_C(1099511628211);
  uint64_t key = UINT64_C(14695981039346656037) ^ octets.n;
  for (const char *c = reverse_path; *c; c++)
    key = (key ^ (unsigned char)*c) * prime;
  for (size_t at = 0, end = MIN(octets.n, KEY_OCTETS); at < end; at += sizeof(uint64_t)) {
    uint64_t word = 0;
    memcpy(&word, octets.p + at, MIN(sizeof word, end - at));
    key = (key ^ word) * prime;
    key ^= key >> 32;
  }
  return (int64_t)key;
}

static int
strikes_of(int64_t key)
{
  pthread_mutex_lock(&known.lock);
  int strikes = known.messages ? GPOINTER_TO_INT(g_hash_table_lookup(known.messages, &key)) : 0;
  pthread_mutex_unlock(&known.lock);
  return strikes;
}

enum res
suspect_begin(int64_t key, bool *alone, GError **error)
{
  int strikes = strikes_of(key);
  *alone = strikes >= STRIKES_ALONE;
  if (strikes >= STRIKES_SET_ASIDE)
    return trouble(error, REPLY_TROUBLE, "the process died each time it had this message; `listward retry` lets it try once more");
  if (!*alone)
    in_hand_join();
  else if (!in_hand_alone(clock_monotonic() + SUSPECT_PATIENCE))
    return trouble(error, REPLY_TROUBLE, "the process died twice with this message: it is judged when nothing else is in hand");
  return RES_OK;
}

static enum res
forgive_one(struct tx *tx, void *arg, GError **error)
{
  return sql_run(tx, "DELETE FROM suspect WHERE key = $1", SQL_ARGS(sql_int(*(int64_t *)arg)), error);
}

void
suspect_end(struct store *store, int64_t key, bool alone)
{
  g_autoptr(GError) error = NULL;
  if (alone)
    in_hand_not_alone();
  else
    in_hand_leave();
  if (strikes_of(key) > 0 && (store_write(store, forgive_one, &key, &error) != RES_OK || suspects_reload(store, &error) != RES_OK))
    log_warn("a message that is no suspect any more is still taken for one", log_err(error));
}

/* --- for the operator --- */

enum res
suspects_count(struct tx *tx, struct suspect_counts *counts, GError **error)
{
  enum res res = sql_int_of(tx, "SELECT COUNT(*) FROM suspect WHERE strikes >= $1", SQL_ARGS(sql_int(STRIKES_SET_ASIDE)), &counts->messages, error);
  return res == RES_OK ? sql_int_of(tx, "SELECT COUNT(*) FROM job WHERE strikes >= $1", SQL_ARGS(sql_int(STRIKES_SET_ASIDE)), &counts->jobs, error) : res;
}

enum res
suspects_forgive(struct tx *tx, int64_t *n, GError **error)
{
  struct suspect_counts counts;
  enum res res = suspects_count(tx, &counts, error);
  *n = res == RES_OK ? counts.messages + counts.jobs : 0;
  if (res == RES_OK)
    res = sql_run(tx, "DELETE FROM suspect", SQL_NO_ARGS, error);
  return res == RES_OK ? sql_run(tx, "UPDATE job SET strikes = 0 WHERE strikes > 0", SQL_NO_ARGS, error) : res;
}
