#include "courier/bounce.h"

/* The index to go along is that of the member, who has few: a delivery may have one bounce for each of its members. `delivery_id + 0` says so. */

enum res
bounce_returned(struct tx *tx, int64_t member_id, int64_t delivery_id, int64_t *n, GError **error)
{
  return sql_int_of(tx, "SELECT COUNT(*) FROM bounce WHERE member_id = $1 AND delivery_id + 0 = $2 AND kind <> 0", SQL_ARGS(sql_int(member_id), sql_int(delivery_id)), n,
                    error);
}

enum res
bounce_create(struct tx *tx, const struct bounce *bounce, bool *kept, GError **error)
{
  int64_t before = 0;
  enum res res = bounce->kind == BOUNCE_REFUSED ? RES_OK : bounce_returned(tx, bounce->member_id, bounce->delivery_id, &before, error);
  if (kept)
    *kept = before < BOUNCE_RETURNED_MAX;
  if (res != RES_OK || before >= BOUNCE_RETURNED_MAX)
    return res;
  return sql_run(tx, "INSERT INTO bounce (list_id, member_id, address, delivery_id, kind, at, reply) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                 SQL_ARGS(sql_int(bounce->list_id), sql_int(bounce->member_id), sql_text(bounce->address), sql_int(bounce->delivery_id), sql_int(bounce->kind),
                          sql_int(bounce->at), sql_text(bounce->said)),
                 error);
}

enum res
bounce_each(struct tx *tx, int64_t member_id, int64_t delivery_id, void (*fn)(const struct bounce *bounce, void *arg), void *arg, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT kind, list_id, address, at, reply FROM bounce WHERE member_id = $1 AND delivery_id + 0 = $2 ORDER BY at, id",
                           SQL_ARGS(sql_int(member_id), sql_int(delivery_id)), &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK)
    fn(&(struct bounce){ .kind = (enum bounce_kind)row_int(rows, 0),
                         .list_id = row_int(rows, 1),
                         .member_id = member_id,
                         .delivery_id = delivery_id,
                         .address = row_text(rows, 2),
                         .at = row_int(rows, 3),
                         .said = row_text(rows, 4) },
       arg);
  return res == RES_MORE ? RES_OK : res;
}

enum res
bounce_prune(struct tx *tx, int64_t before, int limit, int64_t *n, GError **error)
{
  enum res res = sql_run(tx, "DELETE FROM bounce WHERE id IN (SELECT id FROM bounce WHERE at < $1 LIMIT $2)", SQL_ARGS(sql_int(before), sql_int(limit)), error);
  *n = res == RES_OK ? sql_changes(tx) : 0;
  return res;
}
