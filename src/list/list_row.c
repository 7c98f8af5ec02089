#include "list/list_row.h"

enum column { ID, DOMAIN_ID, LOCAL, DOMAIN, STYLE, GENERATION, CREATED_AT, REMOVED_AT, SETTING_NAME, SETTING_VALUE };

static struct list *
list_of_row(struct rows *rows)
{
  struct list *list = list_new(row_text(rows, LOCAL), row_text(rows, DOMAIN), row_text(rows, STYLE));
  list->id = row_int(rows, ID);
  list->domain_id = row_int(rows, DOMAIN_ID);
  list->generation = row_int(rows, GENERATION);
  list->created_at = row_int(rows, CREATED_AT);
  return list;
}

enum res
list_row_each(struct tx *tx, const char *sql, struct sql_args args, list_row_fn take, void *arg, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, sql, args, &rows, error);
  if (res != RES_OK)
    return res;

  OWN(list) list = NULL;
  bool removed = false;
  while ((res = rows_next(rows, error)) == RES_OK) {
    if (list && list->id != row_int(rows, ID))
      take(OWN_GIVE(list), removed, arg);
    if (!list) {
      list = list_of_row(rows);
      removed = !row_is_null(rows, REMOVED_AT);
    }
    const struct setting *setting = setting_find(row_text(rows, SETTING_NAME));
    if (setting)
      setting_apply(setting, row_text(rows, SETTING_VALUE), &list->settings);
  }
  if (res == RES_MORE && list)
    take(OWN_GIVE(list), removed, arg);
  return res == RES_MORE ? RES_OK : res;
}
