#include "queue/delivery.h"

static const char *const states[] = { [DELIVERY_OPEN] = "open", [DELIVERY_SET_ASIDE] = "set aside", [DELIVERY_DONE] = "done" };

const char *
delivery_state_name(enum delivery_state state)
{
  return state < G_N_ELEMENTS(states) ? states[state] : "unknown";
}

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

void
delivery_waiting_free(struct delivery_waiting *delivery)
{
  if (!delivery)
    return;
  g_free(delivery->code);
  g_free(delivery->address);
  g_free(delivery->sender);
  g_free(delivery);
}

static struct delivery_waiting *
delivery_waiting_read(struct rows *rows)
{
  struct delivery_waiting *delivery = g_new(struct delivery_waiting, 1);
  *delivery = (struct delivery_waiting){
    .id = row_int(rows, 0),
    .list_id = row_int(rows, 1),
    .posting_id = row_int(rows, 2),
    .created_at = row_int(rows, 3),
    .cursor = row_int(rows, 4),
    .last_join = row_int(rows, 5),
    .strikes = row_int(rows, 6),
    .state = (enum delivery_state)row_int(rows, 7),
    .roster = row_int(rows, 8) != 0,
    .code = g_strdup(row_text(rows, 9)),
    .address = g_strdup(row_text(rows, 10)),
    .sender = g_strdup(row_text(rows, 11)),
  };
  return delivery;
}

enum res
delivery_list_waiting(struct tx *tx, int limit, GPtrArray **deliveries, GError **error)
{
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func((GDestroyNotify)delivery_waiting_free);
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "SELECT d.id, d.list_id, d.posting_id, d.created_at, d.cursor, d.last_join, d.strikes, d.state, d.roster, p.code, p.address, p.sender "
                           "FROM delivery d JOIN posting p ON p.id = d.posting_id WHERE d.state <> 2 ORDER BY d.id LIMIT $1",
                           SQL_ARGS(sql_int(limit)), &rows, error);
  if (res != RES_OK)
    return res;
  while ((res = rows_next(rows, error)) == RES_OK)
    g_ptr_array_add(found, delivery_waiting_read(rows));
  if (res != RES_MORE)
    return res;
  *deliveries = g_steal_pointer(&found);
  return RES_OK;
}
