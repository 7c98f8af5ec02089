#include "courier/workload.h"
#include "courier/chunk.h"
#include "courier/recipient.h"

static enum res
count_chunks(struct tx *tx, struct workload *workload, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT state, COUNT(*) FROM chunk WHERE state <> 2 GROUP BY state", SQL_NO_ARGS, &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK)
    *(row_int(rows, 0) == CHUNK_WAITING ? &workload->chunks_waiting : &workload->chunks_sending) += row_int(rows, 1);
  return res == RES_MORE ? RES_OK : res;
}

static enum res
count_recipients(struct tx *tx, int64_t now, struct workload *workload, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "SELECT state, COUNT(*), SUM(CASE WHEN next_at <= $1 THEN 1 ELSE 0 END), MIN(first_at), MIN(next_at) FROM recipient WHERE state <= 1 "
                           "GROUP BY state",
                           SQL_ARGS(sql_int(now)), &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK) {
    if (row_int(rows, 0) == RECIPIENT_CLAIMED) {
      workload->recipients_sending = row_int(rows, 1);
      continue;
    }
    workload->recipients_waiting = row_int(rows, 1);
    workload->recipients_due = row_int(rows, 2);
    workload->oldest_at = row_int(rows, 3);
    workload->next_at = row_int(rows, 4);
  }
  return res == RES_MORE ? RES_OK : res;
}

enum res
workload_read(struct tx *tx, int64_t now, struct workload *workload, GError **error)
{
  *workload = (struct workload){ .next_at = 0 };
  enum res res = count_chunks(tx, workload, error);
  return res == RES_OK ? count_recipients(tx, now, workload, error) : res;
}

/* Up to `limit` of the recipients that are due later; the same ones each time it is asked in one transaction. */
#define LATER "FROM recipient WHERE state <= 1 AND state = 0 AND next_at > 0 ORDER BY next_at, id LIMIT $1"

static enum res
make_chunks_due(struct tx *tx, int64_t *n, GError **error)
{
  enum res res = sql_run(tx, "UPDATE delivery SET due_at = 0 WHERE id IN (SELECT delivery_id FROM chunk WHERE state <> 2 AND state = 0 AND not_before > 0)", SQL_NO_ARGS, error);
  if (res == RES_OK)
    res = sql_run(tx, "UPDATE chunk SET not_before = 0 WHERE state <> 2 AND state = 0 AND not_before > 0", SQL_NO_ARGS, error);
  if (res == RES_OK)
    *n += sql_changes(tx);
  return res;
}

static enum res
make_recipients_due(struct tx *tx, int limit, int64_t *n, GError **error)
{
  enum res res = sql_run(tx, "UPDATE delivery SET due_at = 0 WHERE id IN (SELECT delivery_id " LATER ")", SQL_ARGS(sql_int(limit)), error);
  if (res == RES_OK)
    res = sql_run(tx, "UPDATE recipient SET next_at = 0 WHERE id IN (SELECT id " LATER ")", SQL_ARGS(sql_int(limit)), error);
  if (res == RES_OK)
    *n += sql_changes(tx);
  return res;
}

enum res
workload_retry(struct tx *tx, int limit, int64_t *n, GError **error)
{
  *n = 0;
  enum res res = sql_run(tx, "UPDATE delivery SET state = 0, strikes = 0, due_at = 0 WHERE state <> 2 AND state = 1", SQL_NO_ARGS, error);
  if (res == RES_OK) {
    *n += sql_changes(tx);
    res = make_chunks_due(tx, n, error);
  }
  return res == RES_OK ? make_recipients_due(tx, limit, n, error) : res;
}
