#include "queue/delivery.h"
#include "list/member.h"
#include <string.h>

/* RES_MORE: the list has no members. */
static enum res
somebody_is_there(struct tx *tx, int64_t list_id, GError **error)
{
  int64_t one;
  return sql_int_of(tx, "SELECT 1 FROM member WHERE list_id = $1 AND role = $2 AND left_at IS NULL LIMIT 1",
                    SQL_ARGS(sql_int(list_id), sql_int(MEMBER_MEMBER)), &one, error);
}

enum res
delivery_create_roster(struct tx *tx, const struct delivery_new *delivery, int64_t last_join, bool *open, GError **error)
{
  enum res res = somebody_is_there(tx, delivery->list_id, error);
  if (res != RES_OK && res != RES_MORE)
    return res;
  *open = res == RES_OK;
  return sql_run(tx,
                 "INSERT INTO delivery (posting_id, list_id, state, roster, cursor, last_join, outlet, reverse_path, created_at, done_at) "
                 "VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9)",
                 SQL_ARGS(sql_int(delivery->posting_id), sql_int(delivery->list_id), sql_int(*open ? DELIVERY_OPEN : DELIVERY_DONE),
                          sql_int(*open ? 0 : last_join), sql_int(last_join), sql_text(delivery->outlet), sql_text(delivery->reverse_path),
                          sql_int(delivery->now), *open ? sql_null() : sql_int(delivery->now)),
                 error);
}

enum res
delivery_create_addresses(struct tx *tx, const struct delivery_new *delivery, const struct delivery_recipient *recipients, size_t n, GError **error)
{
  int64_t id;
  enum res res = sql_int_of(tx, "INSERT INTO delivery (posting_id, list_id, state, roster, outlet, reverse_path, created_at, due_at) VALUES ($1, $2, 0, 0, $3, $4, $5, $5) RETURNING id",
                            SQL_ARGS(sql_int(delivery->posting_id), sql_int(delivery->list_id), sql_text(delivery->outlet), sql_text(delivery->reverse_path),
                                     sql_int(delivery->now)),
                            &id, error);
  for (size_t i = 0; res == RES_OK && i < n; i++)
    res = sql_run(tx, "INSERT INTO recipient (delivery_id, member_id, address, state, next_at, first_at) VALUES ($1, $2, $3, 0, $4, $4)",
                  SQL_ARGS(sql_int(id), sql_int(recipients[i].member_id), sql_text(recipients[i].address), sql_int(delivery->now)), error);
  return res;
}

enum res
delivery_route(struct tx *tx, int64_t list_id, const char *outlet, GError **error)
{
  return sql_run(tx, "UPDATE delivery SET outlet = $2 WHERE state <> 2 AND list_id = $1", SQL_ARGS(sql_int(list_id), sql_text(outlet)), error);
}

static bool
is_one_of(const char *const *names, size_t n, const char *name)
{
  for (size_t i = 0; i < n; i++)
    if (strcmp(names[i], name) == 0)
      return true;
  return false;
}

/* Along the index, from name to name: however many deliveries are open, each outlet costs one look. */
static enum res
find_strays(struct tx *tx, const char *const *outlets, size_t n, GPtrArray *strays, GError **error)
{
  g_autofree char *name = g_strdup("");
  for (;;) {
    char *next = NULL;
    enum res res = sql_text_of(tx, "SELECT outlet FROM delivery WHERE state = 0 AND outlet > $1 ORDER BY outlet LIMIT 1", SQL_ARGS(sql_text(name)), &next, error);
    if (res != RES_OK)
      return res == RES_MORE ? RES_OK : res;
    g_free(name);
    name = next;
    if (!is_one_of(outlets, n, name))
      g_ptr_array_add(strays, g_strdup(name));
  }
}

enum res
delivery_route_strays(struct tx *tx, const char *const *outlets, size_t n, GPtrArray *strays, GError **error)
{
  enum res res = find_strays(tx, outlets, n, strays, error);
  for (guint i = 0; i < strays->len && res == RES_OK; i++)
    res = sql_run(tx, "UPDATE delivery SET outlet = '' WHERE state = 0 AND outlet = $1", SQL_ARGS(sql_text(g_ptr_array_index(strays, i))), error);
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

enum res
delivery_set_all_aside(struct tx *tx, GError **error)
{
  return sql_run(tx, "UPDATE delivery SET state = 1 WHERE state <> 2 AND state = 0", SQL_NO_ARGS, error);
}

static void
delivery_outlet_free(void *data)
{
  struct delivery_outlet *outlet = data;
  g_free(outlet->name);
  g_free(outlet);
}

enum res
delivery_outlets(struct tx *tx, GPtrArray **outlets, GError **error)
{
  *outlets = g_ptr_array_new_with_free_func(delivery_outlet_free);
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT outlet, count(*), min(created_at) FROM delivery WHERE state <> 2 AND state = 0 GROUP BY outlet ORDER BY outlet", SQL_NO_ARGS,
                           &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK) {
    struct delivery_outlet *outlet = g_new(struct delivery_outlet, 1);
    *outlet = (struct delivery_outlet){ .name = g_strdup(row_text(rows, 0)), .open = row_int(rows, 1), .oldest_at = row_int(rows, 2) };
    g_ptr_array_add(*outlets, outlet);
  }
  return res == RES_MORE ? RES_OK : res;
}
