#include "courier/chunk.h"
#include "courier/roster.h"

static struct slice
blob_slice(const GByteArray *blob)
{
  return (struct slice){ (const char *)blob->data, blob->len };
}

enum res
chunk_create(struct tx *tx, const struct chunk_new *chunk, int64_t *id, GError **error)
{
  g_autoptr(GByteArray) members = roster_chunk_encode(chunk->members, chunk->n);
  int64_t made;
  struct sql_value done_at = chunk->state == CHUNK_DONE ? sql_int(chunk->now) : sql_null();
  enum res res = sql_int_of(tx,
                            "INSERT INTO chunk (delivery_id, state, shape, attempts, not_before, claimed_at, done_at, count, members, replies) "
                            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
                            SQL_ARGS(sql_int(chunk->delivery_id), sql_int(chunk->state), sql_int(chunk->shape), sql_int(chunk->attempts),
                                     sql_int(chunk->not_before), sql_int(chunk->now), done_at, sql_int((int64_t)chunk->n), sql_bytes(blob_slice(members)),
                                     sql_text(chunk->replies)),
                            &made, error);
  if (res == RES_OK && id)
    *id = made;
  return res;
}

enum res
chunk_due(struct tx *tx, int64_t delivery_id, int64_t now, int64_t *id, GError **error)
{
  return sql_int_of(tx, "SELECT id FROM chunk WHERE delivery_id = $1 AND state = 0 AND not_before <= $2 ORDER BY id LIMIT 1", SQL_ARGS(sql_int(delivery_id), sql_int(now)),
                    id, error);
}

static enum res
add_members(struct tx *tx, struct slice members, GArray *targets, GError **error)
{
  g_autoptr(GArray) ids = NULL;
  enum res res = roster_chunk_decode(members, &ids, error);
  for (guint i = 0; res == RES_OK && i < ids->len; i++) {
    enum res taken = roster_take_member(tx, g_array_index(ids, int64_t, i), targets, error);
    if (taken != RES_OK && taken != RES_MORE)
      return taken;
  }
  return res;
}

enum res
chunk_claim(struct tx *tx, int64_t id, int64_t now, GArray *targets, enum shape *shape, int *attempts, bool *lost, GError **error)
{
  *lost = false;
  enum res res = sql_run(tx, "UPDATE chunk SET state = 1, claimed_at = $2 WHERE id = $1", SQL_ARGS(sql_int(id), sql_int(now)), error);
  if (res != RES_OK)
    return res;
  OWN(rows) rows = NULL;
  res = sql_query(tx, "SELECT members, attempts, shape FROM chunk WHERE id = $1", SQL_ARGS(sql_int(id)), &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res != RES_OK)
    return res;
  *attempts = (int)row_int(rows, 1);
  *shape = row_int(rows, 2) == SHAPE_PERSONAL ? SHAPE_PERSONAL : SHAPE_BATCH;
  g_autoptr(GError) unreadable = NULL;
  res = add_members(tx, row_bytes(rows, 0), targets, &unreadable);
  *lost = res == RES_BAD;
  if (res != RES_OK && !*lost)
    g_propagate_error(error, g_steal_pointer(&unreadable));
  return *lost ? RES_OK : res;
}

enum res
chunk_finish(struct tx *tx, int64_t id, const int64_t *members, size_t n, const char *replies, int64_t now, GError **error)
{
  g_autoptr(GByteArray) blob = roster_chunk_encode(members, n);
  return sql_run(tx, "UPDATE chunk SET state = 2, done_at = $2, count = $3, members = $4, replies = replies || $5 WHERE id = $1",
                 SQL_ARGS(sql_int(id), sql_int(now), sql_int((int64_t)n), sql_bytes(blob_slice(blob)), sql_text(replies)), error);
}

enum res
chunk_release(struct tx *tx, int64_t id, const struct chunk_again *again, GError **error)
{
  g_autoptr(GByteArray) blob = roster_chunk_encode(again->members, again->n);
  return sql_run(tx, "UPDATE chunk SET state = 0, attempts = $2, not_before = $3, count = $4, members = $5, replies = replies || $6 WHERE id = $1",
                 SQL_ARGS(sql_int(id), sql_int(again->attempts), sql_int(again->not_before), sql_int((int64_t)again->n), sql_bytes(blob_slice(blob)),
                          sql_text(again->replies)),
                 error);
}
