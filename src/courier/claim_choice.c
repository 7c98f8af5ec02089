#include "courier/claim_choice.h"

/* Where work can lie. Each query gives the best candidate of its kind: delivery, when it was last served, and the chunk if it is one. The
 * terms on `state` repeat those of the partial indexes, word for word. $1: now, $2 and $3: least and most strikes. */
static const char waiting_chunk_sql[] =
  "SELECT delivery.id, delivery.served_at, chunk.id FROM chunk JOIN delivery ON delivery.id = chunk.delivery_id "
  "WHERE chunk.state <> 2 AND chunk.state = 0 AND chunk.not_before <= $1 "
  "AND delivery.state = 0 AND delivery.strikes >= $2 AND delivery.strikes <= $3 ORDER BY delivery.served_at LIMIT 1";
static const char due_recipient_sql[] =
  "SELECT delivery.id, delivery.served_at, 0 FROM recipient JOIN delivery ON delivery.id = recipient.delivery_id "
  "WHERE recipient.state <= 1 AND recipient.state = 0 AND recipient.next_at <= $1 "
  "AND delivery.state = 0 AND delivery.strikes >= $2 AND delivery.strikes <= $3 ORDER BY recipient.next_at LIMIT 1";
static const char roster_sql[] =
  "SELECT id, served_at, 0 FROM delivery "
  "WHERE state = 0 AND roster = 1 AND (cursor < last_join OR served_at = 0) AND $1 > 0 AND strikes >= $2 AND strikes <= $3 "
  "ORDER BY served_at LIMIT 1";

static const char *const candidate_sql[CLAIM_KINDS] = {
  [CLAIM_CHUNK] = waiting_chunk_sql,
  [CLAIM_RECIPIENTS] = due_recipient_sql,
  [CLAIM_ROSTER] = roster_sql,
};

/* Fewest and most strikes of the deliveries that are asked for. */
static void
strikes_wanted(const struct claim_options *options, int64_t *least, int64_t *most)
{
  *least = options->suspects ? STRIKES_ALONE : 0;
  *most = options->suspects ? INT64_MAX : STRIKES_ALONE - 1;
}

static enum res
earliest(struct tx *tx, const char *sql, const struct claim_options *options, int64_t *next_at, GError **error)
{
  int64_t at, least, most;
  strikes_wanted(options, &least, &most);
  enum res res = sql_int_of(tx, sql, SQL_ARGS(sql_int(least), sql_int(most)), &at, error);
  if (res == RES_OK)
    *next_at = MIN(*next_at, at);
  return res == RES_MORE ? RES_OK : res;
}

enum res
claim_next_at(struct tx *tx, const struct claim_options *options, int64_t *next_at, GError **error)
{
  *next_at = INT64_MAX;
  enum res res = earliest(tx,
                          "SELECT chunk.not_before FROM chunk JOIN delivery ON delivery.id = chunk.delivery_id "
                          "WHERE chunk.state <> 2 AND chunk.state = 0 AND delivery.state = 0 AND delivery.strikes >= $1 AND delivery.strikes <= $2 "
                          "ORDER BY chunk.not_before LIMIT 1",
                          options, next_at, error);
  if (res == RES_OK)
    res = earliest(tx,
                   "SELECT recipient.next_at FROM recipient JOIN delivery ON delivery.id = recipient.delivery_id "
                   "WHERE recipient.state <= 1 AND recipient.state = 0 AND delivery.state = 0 AND delivery.strikes >= $1 AND delivery.strikes <= $2 "
                   "ORDER BY recipient.next_at LIMIT 1",
                   options, next_at, error);
  return res;
}

enum res
claim_choose(struct tx *tx, const struct claim_options *options, struct claim_candidate *best, GError **error)
{
  bool found = false;
  int64_t least, most;
  strikes_wanted(options, &least, &most);
  for (enum claim_kind kind = 0; kind < CLAIM_KINDS; kind++) {
    OWN(rows) rows = NULL;
    enum res res = sql_query(tx, candidate_sql[kind], SQL_ARGS(sql_int(options->now), sql_int(least), sql_int(most)), &rows, error);
    if (res == RES_OK)
      res = rows_next(rows, error);
    if (res == RES_MORE)
      continue;
    if (res != RES_OK)
      return res;
    if (!found || row_int(rows, 1) < best->served_at)
      *best = (struct claim_candidate){ .kind = kind, .delivery_id = row_int(rows, 0), .served_at = row_int(rows, 1), .chunk_id = row_int(rows, 2) };
    found = true;
  }
  return found ? RES_OK : RES_MORE;
}
