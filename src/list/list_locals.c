#include "list/list_locals.h"

enum res
list_locals_each(struct tx *tx, int64_t domain_id, enum res (*take)(void *ctx, const char *local, GError **error), void *ctx, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT local FROM list WHERE domain_id = $1 AND removed_at IS NULL ORDER BY local", SQL_ARGS(sql_int(domain_id)), &rows, error);
  if (res != RES_OK)
    return res;
  while ((res = rows_next(rows, error)) == RES_OK) {
    res = take(ctx, row_text(rows, 0), error);
    if (res != RES_OK)
      return res;
  }
  return res == RES_MORE ? RES_OK : res;
}

enum res
list_locals_find(struct tx *tx, int64_t domain_id, struct slice local, GError **error)
{
  int64_t id;
  return sql_int_of(tx, "SELECT id FROM list WHERE domain_id = $1 AND local = $2 AND removed_at IS NULL", SQL_ARGS(sql_int(domain_id), sql_text_slice(local)), &id, error);
}

static enum res
read_number(struct tx *tx, const char *name, int64_t *number, GError **error)
{
  *number = 0;
  enum res res = sql_int_of(tx, "SELECT number FROM meta WHERE name = $1", SQL_ARGS(sql_text(name)), number, error);
  return res == RES_MORE ? RES_OK : res;
}

/* Ids are never used again, so new lists have higher ones; removed ones are tombstones of a new generation. */
static enum res
look_for_gone(struct tx *tx, int64_t generation, bool *changed, GError **error)
{
  int64_t id;
  enum res res = sql_int_of(tx, "SELECT id FROM list WHERE generation > $1 AND removed_at IS NOT NULL LIMIT 1", SQL_ARGS(sql_int(generation)), &id, error);
  *changed = res == RES_OK;
  return res == RES_MORE ? RES_OK : res;
}

enum res
list_locals_mark(struct tx *tx, const struct list_locals_mark *before, struct list_locals_mark *now, bool *changed, GError **error)
{
  *now = (struct list_locals_mark){ .known = true };
  enum res res = read_number(tx, "list_generation", &now->generation, error);
  if (res == RES_OK)
    res = read_number(tx, "domain_generation", &now->domain_generation, error);
  if (res == RES_OK)
    res = sql_int_of(tx, "SELECT COALESCE(MAX(id), 0) FROM list", SQL_NO_ARGS, &now->last_id, error);
  *changed = !before->known || now->domain_generation != before->domain_generation || now->last_id != before->last_id;
  return res == RES_OK && !*changed ? look_for_gone(tx, before->generation, changed, error) : res;
}
