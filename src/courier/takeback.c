#include "courier/takeback.h"
#include "base/crash_point.h"
#include "courier/claim.h"

void
takeback_clear(struct takeback *takeback)
{
  if (takeback->set_aside)
    g_ptr_array_unref(takeback->set_aside);
  *takeback = (struct takeback){ .taken = 0 };
}

static enum res
set_aside(struct tx *tx, GPtrArray *codes, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "SELECT posting.code FROM delivery JOIN posting ON posting.id = delivery.posting_id "
                           "WHERE delivery.state <> 2 AND delivery.state = 0 AND delivery.strikes >= $1",
                           SQL_ARGS(sql_int(STRIKES_SET_ASIDE)), &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK)
    g_ptr_array_add(codes, g_strdup(row_text(rows, 0)));
  if (res != RES_MORE || codes->len == 0)
    return res == RES_MORE ? RES_OK : res;
  return sql_run(tx, "UPDATE delivery SET state = 1 WHERE state <> 2 AND state = 0 AND strikes >= $1", SQL_ARGS(sql_int(STRIKES_SET_ASIDE)), error);
}

#define IN_PROGRESS "SELECT delivery_id FROM chunk WHERE state <> 2 AND state = 1 UNION SELECT delivery_id FROM recipient WHERE state <= 1 AND state = 1"

enum res
takeback_run(struct tx *tx, struct takeback *takeback, GError **error)
{
  takeback_clear(takeback);
  takeback->set_aside = g_ptr_array_new_with_free_func(g_free);
  int64_t deliveries;
  enum res res = sql_int_of(tx, "SELECT COUNT(*) FROM (" IN_PROGRESS ") AS in_progress", SQL_NO_ARGS, &deliveries, error);
  if (res == RES_OK)
    res = sql_run(tx, "UPDATE delivery SET strikes = strikes + CASE WHEN strikes < $1 THEN 1 ELSE $2 END, due_at = 0 WHERE id IN (" IN_PROGRESS ")",
                  SQL_ARGS(sql_int(STRIKES_ALONE), sql_int(suspects_weight(deliveries))), error);
  if (res == RES_OK) {
    takeback->taken = sql_changes(tx);
    res = sql_run(tx, "UPDATE chunk SET state = 0, not_before = 0 WHERE state <> 2 AND state = 1", SQL_NO_ARGS, error);
  }
  if (res == RES_OK)
    res = sql_run(tx, "UPDATE recipient SET state = 0 WHERE state <= 1 AND state = 1", SQL_NO_ARGS, error);
  CRASH_POINT_IF(takeback->taken > 0, "takeback-written");
  if (res == RES_OK)
    res = set_aside(tx, takeback->set_aside, error);
  CRASH_POINT_IF(takeback->set_aside->len > 0, "set-aside-written");
  if (res == RES_OK)
    res = sql_int_of(tx, "SELECT COUNT(*) FROM delivery WHERE state <> 2 AND state = 0 AND strikes >= $1", SQL_ARGS(sql_int(STRIKES_ALONE)), &takeback->suspects, error);
  return res;
}
