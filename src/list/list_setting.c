/* A list's settings: reading one with its default, changing one. */
#include "list/list.h"

enum fact_column { LOCAL, DOMAIN, NEXT_NUMBER, CREATED_AT, LAST_POST_AT, STYLE };

/* Facts that are addresses or parts of one: the local part is the list's with `suffix`, or `local`. */
static const struct fact_address {
  const char *setting, *suffix, *local;
} fact_addresses[] = {
  { "bounces_address", "-bounces", NULL }, { "fqdn_listname", "", NULL },         { "join_address", "-join", NULL },
  { "leave_address", "-leave", NULL },     { "no_reply_address", "", "noreply" }, { "owner_address", "-owner", NULL },
  { "posting_address", "", NULL },         { "request_address", "-request", NULL },
};

static const struct {
  const char *setting;
  enum fact_column column;
} fact_columns[] = {
  { "list_name", LOCAL }, { "mail_host", DOMAIN }, { "post_id", NEXT_NUMBER }, { "created_at", CREATED_AT }, { "last_post_at", LAST_POST_AT },
};

/* ISO 8601, UTC. */
static char *
time_text(int64_t microseconds)
{
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(microseconds / G_USEC_PER_SEC);
  return time ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ") : g_strdup("");
}

static char *
fact_of_column(struct rows *rows, enum fact_column column)
{
  if (row_is_null(rows, (int)column))
    return g_strdup("");
  if (column == CREATED_AT || column == LAST_POST_AT)
    return time_text(row_int(rows, (int)column));
  return g_strdup(row_text(rows, (int)column));
}

static char *
fact(const struct setting *setting, struct rows *rows)
{
  for (size_t i = 0; i < G_N_ELEMENTS(fact_addresses); i++) {
    const struct fact_address *address = &fact_addresses[i];
    if (g_str_equal(address->setting, setting->name))
      return g_strconcat(address->local ? address->local : row_text(rows, LOCAL), address->suffix, "@", row_text(rows, DOMAIN), NULL);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(fact_columns); i++)
    if (g_str_equal(fact_columns[i].setting, setting->name))
      return fact_of_column(rows, fact_columns[i].column);
  return g_strdup(setting->fallback);
}

enum res
list_get(struct tx *tx, int64_t id, const struct setting *setting, char **stored, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "SELECT l.local, d.name, l.next_number, l.created_at, l.last_post_at, l.style FROM list l JOIN domain d ON d.id = l.domain_id "
                           "WHERE l.id = $1 AND l.removed_at IS NULL",
                           SQL_ARGS(sql_int(id)), &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res == RES_MORE)
    return refuse(error, REPLY_UNKNOWN_LIST, "there is no list %" G_GINT64_FORMAT, id);
  if (res != RES_OK)
    return res;
  if (setting->read_only) {
    *stored = fact(setting, rows);
    return RES_OK;
  }

  res = sql_text_of(tx, "SELECT value FROM list_setting WHERE list_id = $1 AND name = $2", SQL_ARGS(sql_int(id), sql_text(setting->name)), stored, error);
  if (res != RES_MORE)
    return res;
  *stored = g_strdup(setting_default(setting, row_text(rows, STYLE)));
  return RES_OK;
}

static enum res
changed_value(struct tx *tx, int64_t id, const struct setting *setting, enum list_set_how how, const char *value, char **stored, GError **error)
{
  if (how == LIST_SET)
    return setting_parse(setting, value, stored, error);
  g_autofree char *old = NULL;
  enum res res = list_get(tx, id, setting, &old, error);
  if (res != RES_OK)
    return res;
  return how == LIST_SET_ADD ? setting_list_add(setting, old, value, stored, error) : setting_list_remove(setting, old, value, stored, error);
}

/* Only what differs from the style is stored. */
static enum res
store_value(struct tx *tx, int64_t id, const struct setting *setting, const char *stored, GError **error)
{
  g_autofree char *style = NULL;
  enum res res = sql_text_of(tx, "SELECT style FROM list WHERE id = $1 AND removed_at IS NULL", SQL_ARGS(sql_int(id)), &style, error);
  if (res == RES_MORE)
    return refuse(error, REPLY_UNKNOWN_LIST, "there is no list %" G_GINT64_FORMAT, id);
  if (res != RES_OK)
    return res;
  if (g_str_equal(stored, setting_default(setting, style)))
    return sql_run(tx, "DELETE FROM list_setting WHERE list_id = $1 AND name = $2", SQL_ARGS(sql_int(id), sql_text(setting->name)), error);
  return sql_run(tx,
                 "INSERT INTO list_setting (list_id, name, value) VALUES ($1, $2, $3) "
                 "ON CONFLICT (list_id, name) DO UPDATE SET value = excluded.value",
                 SQL_ARGS(sql_int(id), sql_text(setting->name), sql_text(stored)), error);
}

enum res
list_set(struct tx *tx, int64_t id, const char *name, enum list_set_how how, const char *value, GError **error)
{
  const struct setting *setting = setting_find(name);
  if (!setting)
    return refuse(error, REPLY_SYNTAX, "there is no setting \"%.200s\"", name);
  /* What cannot be set at all is said before its value is looked at. */
  enum res res = setting_check(setting, error);
  g_autofree char *stored = NULL;
  if (res == RES_OK)
    res = changed_value(tx, id, setting, how, value, &stored, error);
  if (res == RES_OK)
    res = store_value(tx, id, setting, stored, error);
  return res == RES_OK ? list_touch(tx, id, error) : res;
}
