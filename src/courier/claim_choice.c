#include "courier/claim_choice.h"

/* Deliveries that are asked for: open, of that outlet, with no fewer and no more strikes, and of none of these lists. The terms on states repeat
 * those of the partial indexes, word for word. (For NOT IN, SQLite would make a table of the values each time.) */
#define WANTED                                                                                              \
  "state = 0 AND strikes >= $1 AND strikes <= $2 AND outlet = $3 AND list_id <> $4 AND list_id <> $5 AND list_id <> $6 AND list_id <> $7 " \
  "AND list_id <> $8 AND list_id <> $9 AND list_id <> $10 AND list_id <> $11 "

/* Where work can lie. Each query gives the best candidate of its kind: delivery, and when it was last served. $12: now. */
static const char waiting_sql[] = "SELECT id, served_at FROM delivery WHERE " WANTED "AND due_at <= $12 ORDER BY served_at LIMIT 1";
static const char roster_sql[] =
  "SELECT id, served_at FROM delivery WHERE " WANTED "AND roster = 1 AND (cursor < last_join OR served_at = 0) AND $12 > 0 ORDER BY served_at LIMIT 1";

static const char *const candidate_sql[CLAIM_KINDS] = {
  [CLAIM_WAITING] = waiting_sql,
  [CLAIM_ROSTER] = roster_sql,
};

#define ARGS_MAX (4 + CLAIM_LISTS_MAX)

/* The values of WANTED, and `now`. A list is never -1: that fills what is not used. */
static struct sql_args
arguments(const struct claim_options *options, struct sql_value values[ARGS_MAX])
{
  size_t n = 0;
  values[n++] = sql_int(options->suspects ? STRIKES_ALONE : 0);
  values[n++] = sql_int(options->suspects ? INT64_MAX : STRIKES_ALONE - 1);
  values[n++] = sql_text(options->outlet ? options->outlet : "");
  for (size_t i = 0; i < CLAIM_LISTS_MAX; i++)
    values[n++] = sql_int(i < options->n_lists ? options->lists[i] : -1);
  values[n++] = sql_int(options->now);
  return (struct sql_args){ values, n };
}

enum res
claim_next_at(struct tx *tx, const struct claim_options *options, int64_t *next_at, GError **error)
{
  struct sql_value values[ARGS_MAX];
  struct sql_args args = arguments(options, values);
  args.n--; /* no $12 */
  *next_at = INT64_MAX;
  enum res res = sql_int_of(tx, "SELECT due_at FROM delivery WHERE " WANTED "AND due_at IS NOT NULL ORDER BY due_at LIMIT 1", args, next_at, error);
  return res == RES_MORE ? RES_OK : res;
}

enum res
claim_choose(struct tx *tx, const struct claim_options *options, struct claim_candidate *best, GError **error)
{
  bool found = false;
  struct sql_value values[ARGS_MAX];
  struct sql_args args = arguments(options, values);
  for (enum claim_kind kind = 0; kind < CLAIM_KINDS; kind++) {
    OWN(rows) rows = NULL;
    enum res res = sql_query(tx, candidate_sql[kind], args, &rows, error);
    if (res == RES_OK)
      res = rows_next(rows, error);
    if (res == RES_MORE)
      continue;
    if (res != RES_OK)
      return res;
    if (!found || row_int(rows, 1) < best->served_at)
      *best = (struct claim_candidate){ .kind = kind, .delivery_id = row_int(rows, 0), .served_at = row_int(rows, 1) };
    found = true;
  }
  return found ? RES_OK : RES_MORE;
}
