#include "queue/retention.h"
#include "base/crash_point.h"
#include "queue/delivery.h"
#include <glib.h>

/* Rows looked at in one transaction, of each sort. */
#define SLICE_ROWS 100
/* Pieces of messages, up to 256 KiB each, taken away in one transaction. */
#define SLICE_PIECES 64

/* Where the next slice begins. */
struct cursor {
  int64_t message_id, posting_id;
};

struct slice_run {
  const struct retention_options *options;
  int64_t now;
  struct cursor from;
  struct cursor next; /* results, from here on */
  int64_t removed;
  bool more;
};

/* In SQL below: posting state 1 is POSTING_HELD, delivery state 2 DELIVERY_DONE. */
G_STATIC_ASSERT(POSTING_HELD == 1 && DELIVERY_DONE == 2);

/* Up to `limit` ids above `after` by a query with $1 = after, $2 = limit and perhaps $3. */
static enum res
ids_read(struct tx *tx, const char *sql, struct sql_args args, GArray *ids, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, sql, args, &rows, error);
  if (res != RES_OK)
    return res;
  while ((res = rows_next(rows, error)) == RES_OK) {
    int64_t id = row_int(rows, 0);
    g_array_append_val(ids, id);
  }
  return res == RES_MORE ? RES_OK : res;
}

static enum res
run_on(struct tx *tx, const char *sql, int64_t id, struct slice_run *run, GError **error)
{
  enum res res = sql_run(tx, sql, SQL_ARGS(sql_int(id)), error);
  if (res == RES_OK)
    run->removed += sql_changes(tx);
  return res;
}

/* Behind what was looked at; at the end out of the way, so that the slices that other sorts still need find nothing more. */
static void
cursor_move(struct slice_run *run, const GArray *ids, guint limit, int64_t *cursor)
{
  bool end = ids->len < limit;
  *cursor = end ? INT64_MAX : g_array_index(ids, int64_t, ids->len - 1);
  run->more |= !end;
}

/* --- octets --- */

/* Accepted long enough ago, and nobody needs its octets: a posting that is held, has a job, or a delivery that is not done does. */
#define IDLE                                                                                            \
  "EXISTS (SELECT 1 FROM message m WHERE m.id = $1 AND m.accepted = 1 AND m.created_at <= $2) "       \
  "AND NOT EXISTS (SELECT 1 FROM posting p WHERE p.message_id = $1 AND (p.state = 1 "                 \
  "OR EXISTS (SELECT 1 FROM job j WHERE j.posting_id = p.id) "                                          \
  "OR EXISTS (SELECT 1 FROM delivery d WHERE d.posting_id = p.id AND d.state <> 2)))"

/* Where a message's octets are: $1 its id, $2 when it must have come before, $3 how many pieces at most. */
static const char *const octets_rows[] = {
  "DELETE FROM message_piece WHERE message_id = $1 AND number IN (SELECT number FROM message_piece WHERE message_id = $1 ORDER BY number LIMIT $3) AND " IDLE,
  "UPDATE message SET octets = NULL WHERE id = $1 AND octets IS NOT NULL AND $3 > 0 AND " IDLE,
};

/* Takes up to `*room` pieces of a message away if nobody needs them. */
static enum res
prune_octets_of(struct tx *tx, int64_t message_id, struct slice_run *run, int64_t *room, GError **error)
{
  int64_t taken = 0;
  for (size_t i = 0; i < G_N_ELEMENTS(octets_rows); i++) {
    enum res res = sql_run(tx, octets_rows[i], SQL_ARGS(sql_int(message_id), sql_int(run->now - run->options->messages), sql_int(*room)), error);
    if (res != RES_OK)
      return res;
    taken += sql_changes(tx);
    *room -= sql_changes(tx);
  }
  run->removed += taken > 0 && *room > 0;
  return RES_OK;
}

/* Ids grow with time: the first message that is too young ends it. One that has more pieces than there is room for is gone on with in the next slice. */
static enum res
prune_octets(struct tx *tx, struct slice_run *run, GError **error)
{
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
  int64_t room = SLICE_PIECES;
  enum res res = ids_read(tx,
                          "SELECT message.id FROM (SELECT DISTINCT message_id AS id FROM message_piece WHERE message_id > $1 "
                          "UNION SELECT id FROM message WHERE octets IS NOT NULL AND id > $1 ORDER BY 1 LIMIT $2) AS kept "
                          "JOIN message ON message.id = kept.id WHERE message.created_at <= $3 ORDER BY message.id",
                          SQL_ARGS(sql_int(run->from.message_id), sql_int(SLICE_ROWS), sql_int(run->now - run->options->messages)), ids, error);
  cursor_move(run, ids, SLICE_ROWS, &run->next.message_id);
  for (guint i = 0; res == RES_OK && room > 0 && i < ids->len; i++) {
    int64_t id = g_array_index(ids, int64_t, i);
    res = prune_octets_of(tx, id, run, &room, error);
    if (room == 0) {
      run->next.message_id = id - 1;
      run->more = true;
    }
  }
  return res;
}

/* --- postings --- */

/* RES_MORE: it stays, however old it is: held, kept with a job, or a delivery of it is still in the ledger. */
static enum res
message_of_old(struct tx *tx, int64_t id, int64_t *message_id, GError **error)
{
  return sql_int_of(tx,
                    "SELECT p.message_id FROM posting p WHERE p.id = $1 AND p.state <> 1 AND NOT EXISTS (SELECT 1 FROM job j WHERE j.posting_id = p.id) "
                    "AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.posting_id = p.id)",
                    SQL_ARGS(sql_int(id)), message_id, error);
}

/* A message goes with its last posting. */
static const char *const message_rows[] = {
  "DELETE FROM message_piece WHERE message_id = $1 AND NOT EXISTS (SELECT 1 FROM posting WHERE message_id = $1)",
  "DELETE FROM message WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM posting WHERE message_id = $1)",
};

static enum res
prune_posting(struct tx *tx, int64_t id, struct slice_run *run, GError **error)
{
  int64_t message_id;
  enum res res = message_of_old(tx, id, &message_id, error);
  if (res == RES_MORE)
    return RES_OK;
  if (res == RES_OK)
    res = run_on(tx, "DELETE FROM posting WHERE id = $1", id, run, error);
  for (size_t i = 0; res == RES_OK && i < G_N_ELEMENTS(message_rows); i++)
    res = run_on(tx, message_rows[i], message_id, run, error);
  return res;
}

/* Ids grow with time: the first that is too young ends it. A remembered key needs its posting: without it the repeat would be posted again. */
static enum res
prune_postings(struct tx *tx, struct slice_run *run, GError **error)
{
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
  enum res res = ids_read(tx,
                          "SELECT id FROM (SELECT id, received_at FROM posting WHERE id > $1 ORDER BY id LIMIT $2) AS oldest WHERE received_at < $3 ORDER BY id",
                          SQL_ARGS(sql_int(run->from.posting_id), sql_int(SLICE_ROWS), sql_int(run->now - MAX(run->options->ledger, run->options->dedupe))), ids, error);
  for (guint i = 0; res == RES_OK && i < ids->len; i++)
    res = prune_posting(tx, g_array_index(ids, int64_t, i), run, error);
  cursor_move(run, ids, SLICE_ROWS, &run->next.posting_id);
  return res;
}

static enum res
prune_slice(struct tx *tx, void *arg, GError **error)
{
  struct slice_run *run = arg;
  run->next = run->from;
  run->removed = 0;
  run->more = false;
  enum res res = prune_octets(tx, run, error);
  if (res == RES_OK)
    res = prune_postings(tx, run, error);
  CRASH_POINT_IF(run->removed > 0, "retention-slice-written");
  return res;
}

enum res
retention_sweep(struct store *store, const struct retention_options *options, int64_t now, const _Atomic bool *stop, int64_t *removed, GError **error)
{
  struct slice_run run = { .options = options, .now = now, .more = true };
  *removed = 0;
  while (run.more && !(stop && atomic_load(stop))) {
    enum res res = store_write(store, prune_slice, &run, error);
    if (res != RES_OK)
      return res;
    *removed += run.removed;
    CRASH_POINT_IF(run.removed > 0, "retention-slice-committed");
    run.from = run.next;
  }
  return RES_OK;
}
