#include "list/known_address.h"

void
known_address_free(struct known_address *known)
{
  if (!known)
    return;
  g_free(known->address);
  g_free(known->key);
  g_free(known->name);
  g_free(known);
}

static void
free_known(void *known)
{
  known_address_free(known);
}

static struct known_address *
known_of_row(struct rows *rows)
{
  struct known_address *known = g_new(struct known_address, 1);
  *known = (struct known_address){ .key = g_strdup(row_text(rows, 0)), .address = g_strdup(row_text(rows, 1)), .name = g_strdup(row_text(rows, 2)) };
  return known;
}

enum res
known_address_make(struct tx *tx, const char *key, const char *address, const char *name, int64_t now, int64_t *id, GError **error)
{
  return sql_int_of(tx,
                    "INSERT INTO address (key, email, name, registered_at) VALUES ($1, $2, $3, $4) ON CONFLICT (key) "
                    "DO UPDATE SET name = CASE WHEN address.name = '' THEN excluded.name ELSE address.name END RETURNING id",
                    SQL_ARGS(sql_text(key), sql_text(address), sql_text(name ? name : ""), sql_int(now)), id, error);
}

enum res
known_address_find(struct tx *tx, const char *key, struct known_address **known, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT key, email, name FROM address WHERE key = $1", SQL_ARGS(sql_text(key)), &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res == RES_OK)
    *known = known_of_row(rows);
  return res;
}

enum res
known_address_slice(struct tx *tx, const char *after, int limit, GPtrArray **addresses, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT key, email, name FROM address WHERE key > $1 ORDER BY key LIMIT $2", SQL_ARGS(sql_text(after), sql_int(limit)), &rows, error);
  if (res != RES_OK)
    return res;
  g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func(free_known);
  while ((res = rows_next(rows, error)) == RES_OK)
    g_ptr_array_add(made, known_of_row(rows));
  if (res != RES_MORE)
    return res;
  *addresses = g_steal_pointer(&made);
  return RES_OK;
}

/* --- memberships --- */

void
membership_free(struct membership *membership)
{
  if (!membership)
    return;
  g_free(membership->list);
  g_free(membership);
}

static void
free_membership(void *membership)
{
  membership_free(membership);
}

static struct membership *
membership_of_row(struct rows *rows)
{
  struct membership *membership = g_new(struct membership, 1);
  *membership = (struct membership){
    .id = row_int(rows, 0),
    .list_id = row_int(rows, 1),
    .list = g_strdup_printf("%s@%s", row_text(rows, 2), row_text(rows, 3)),
    .role = (enum member_role)row_int(rows, 4),
    .mode = (enum delivery_mode)row_int(rows, 5),
    .status = (enum delivery_status)row_int(rows, 6),
  };
  return membership;
}

enum res
known_address_memberships(struct tx *tx, const char *key, GPtrArray **memberships, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "SELECT m.id, m.list_id, l.local, d.name, m.role, m.mode, m.status FROM address a JOIN member m ON m.address_id = a.id "
                           "JOIN list l ON l.id = m.list_id JOIN domain d ON d.id = l.domain_id "
                           "WHERE a.key = $1 AND m.left_at IS NULL AND l.removed_at IS NULL ORDER BY l.local, d.name, m.role",
                           SQL_ARGS(sql_text(key)), &rows, error);
  if (res != RES_OK)
    return res;
  g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func(free_membership);
  while ((res = rows_next(rows, error)) == RES_OK)
    g_ptr_array_add(made, membership_of_row(rows));
  if (res != RES_MORE)
    return res;
  *memberships = g_steal_pointer(&made);
  return RES_OK;
}
