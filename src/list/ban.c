#include "list/ban.h"
#include "list/pattern.h"

enum res
ban_add(struct tx *tx, int64_t list_id, const char *ban, int64_t now, bool *changed, GError **error)
{
  g_autofree char *stored = NULL;
  enum res res = pattern_parse(ban, &stored, error);
  if (res == RES_OK)
    res = sql_run(tx, "INSERT INTO ban (list_id, pattern, created_at) VALUES ($1, $2, $3) ON CONFLICT (list_id, pattern) DO NOTHING",
                  SQL_ARGS(sql_int(list_id), sql_text(stored), sql_int(now)), error);
  if (res == RES_OK)
    *changed = sql_changes(tx) > 0;
  return res;
}

/* A pattern need not be valid to go: PCRE2 may have changed its mind. */
enum res
ban_remove(struct tx *tx, int64_t list_id, const char *ban, bool *changed, GError **error)
{
  g_autofree char *stored = NULL;
  enum res res = ban[0] == '^' ? RES_OK : pattern_parse(ban, &stored, error);
  if (res == RES_OK)
    res = sql_run(tx, "DELETE FROM ban WHERE list_id = $1 AND pattern = $2", SQL_ARGS(sql_int(list_id), sql_text(stored ? stored : ban)), error);
  if (res == RES_OK)
    *changed = sql_changes(tx) > 0;
  return res;
}

enum res
ban_list(struct tx *tx, int64_t list_id, GPtrArray **bans, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT pattern FROM ban WHERE list_id = $1 ORDER BY pattern", SQL_ARGS(sql_int(list_id)), &rows, error);
  if (res != RES_OK)
    return res;
  g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func(g_free);
  while ((res = rows_next(rows, error)) == RES_OK)
    g_ptr_array_add(made, g_strdup(row_text(rows, 0)));
  if (res != RES_MORE)
    return res;
  *bans = g_steal_pointer(&made);
  return RES_OK;
}

/* One of the patterns, RES_MORE if none hits. '_' is the character behind '^': the range is the patterns, read from the index in order of octets. */
static enum res
match_patterns(struct tx *tx, int64_t list_id, const char *key, char **ban, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT pattern FROM ban WHERE list_id IN (0, $1) AND pattern >= '^' AND pattern < '_'", SQL_ARGS(sql_int(list_id)), &rows, error);
  if (res != RES_OK)
    return res;
  while ((res = rows_next(rows, error)) == RES_OK)
    if (pattern_hits(row_text(rows, 0), key)) {
      *ban = g_strdup(row_text(rows, 0));
      return RES_OK;
    }
  return res;
}

enum res
ban_match(struct tx *tx, int64_t list_id, const char *key, char **ban, GError **error)
{
  enum res res = sql_text_of(tx, "SELECT pattern FROM ban WHERE list_id IN (0, $1) AND pattern = $2 LIMIT 1", SQL_ARGS(sql_int(list_id), sql_text(key)), ban, error);
  return res == RES_MORE ? match_patterns(tx, list_id, key, ban, error) : res;
}
