#include "queue/delivery.h"

enum res
delivery_create_roster(struct tx *tx, int64_t posting_id, int64_t list_id, int64_t last_join, const char *reverse_path, int64_t now, GError **error)
{
  return sql_run(tx, "INSERT INTO delivery (posting_id, list_id, state, roster, last_join, reverse_path, created_at) VALUES ($1, $2, 0, 1, $3, $4, $5)",
                 SQL_ARGS(sql_int(posting_id), sql_int(list_id), sql_int(last_join), sql_text(reverse_path), sql_int(now)), error);
}

enum res
delivery_create_addresses(struct tx *tx, int64_t posting_id, int64_t list_id, const char *reverse_path, const struct delivery_recipient *recipients, size_t n,
                          int64_t now, GError **error)
{
  int64_t id;
  enum res res = sql_int_of(tx, "INSERT INTO delivery (posting_id, list_id, state, roster, reverse_path, created_at) VALUES ($1, $2, 0, 0, $3, $4) RETURNING id",
                            SQL_ARGS(sql_int(posting_id), sql_int(list_id), sql_text(reverse_path), sql_int(now)), &id, error);
  for (size_t i = 0; res == RES_OK && i < n; i++)
    res = sql_run(tx, "INSERT INTO recipient (delivery_id, member_id, address, state, next_at, first_at) VALUES ($1, $2, $3, 0, $4, $4)",
                  SQL_ARGS(sql_int(id), sql_int(recipients[i].member_id), sql_text(recipients[i].address), sql_int(now)), error);
  return res;
}

enum res
delivery_counts(struct tx *tx, struct delivery_counts *counts, GError **error)
{
  *counts = (struct delivery_counts){ 0 };
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT state, count(*), min(created_at) FROM delivery WHERE state <> 2 GROUP BY state", SQL_NO_ARGS, &rows, error);
  if (res != RES_OK)
    return res;
  while ((res = rows_next(rows, error)) == RES_OK) {
    *(row_int(rows, 0) == DELIVERY_OPEN ? &counts->open : &counts->set_aside) += row_int(rows, 1);
    if (counts->oldest_at == 0 || row_int(rows, 2) < counts->oldest_at)
      counts->oldest_at = row_int(rows, 2);
  }
  return res == RES_MORE ? RES_OK : res;
}
