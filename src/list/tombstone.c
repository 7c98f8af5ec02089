#include "list/tombstone.h"
#include "list/list.h"

struct id_pair {
  int64_t id, other;
};

/* Up to $2 pairs by a query whose $1 is `before`. */
static enum res
pairs_read(struct tx *tx, const char *sql, int64_t before, int64_t limit, GArray *pairs, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, sql, SQL_ARGS(sql_int(before), sql_int(limit)), &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK) {
    struct id_pair pair = { row_int(rows, 0), row_int(rows, 1) };
    g_array_append_val(pairs, pair);
  }
  return res == RES_MORE ? RES_OK : res;
}

static enum res
run_all(struct tx *tx, const char *const *statements, size_t n, int64_t id, GError **error)
{
  enum res res = RES_OK;
  for (size_t i = 0; res == RES_OK && i < n; i++)
    res = sql_run(tx, statements[i], SQL_ARGS(sql_int(id)), error);
  return res;
}

/* --- the sorts --- */

static enum res
drop_member(struct tx *tx, const struct id_pair *member, int64_t now, GError **error)
{
  (void)now;
  enum res res = sql_run(tx, "DELETE FROM member WHERE id = $1", SQL_ARGS(sql_int(member->id)), error);
  return res == RES_OK ? sql_run(tx, "DELETE FROM address WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM member WHERE address_id = $1)", SQL_ARGS(sql_int(member->other)),
                                 error)
                       : res;
}

/* A `remove` that was interrupted may have left live members: they become tombstones first, and the list waits for them. */
static enum res
drop_list(struct tx *tx, const struct id_pair *list, int64_t now, GError **error)
{
  static const char *const statements[] = {
    "DELETE FROM list_setting WHERE list_id = $1",
    "DELETE FROM ban WHERE list_id = $1",
    "DELETE FROM list WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM member WHERE list_id = $1)",
  };
  enum res res = list_sweep(tx, list->id, 100, now, error);
  return res == RES_MORE ? run_all(tx, statements, G_N_ELEMENTS(statements), list->id, error) : res;
}

static enum res
drop_domain(struct tx *tx, const struct id_pair *domain, int64_t now, GError **error)
{
  (void)now;
  return sql_run(tx, "DELETE FROM domain WHERE id = $1", SQL_ARGS(sql_int(domain->id)), error);
}

static const struct sort {
  const char *find;
  enum res (*drop)(struct tx *tx, const struct id_pair *pair, int64_t now, GError **error);
} sorts[] = {
  { "SELECT id, address_id FROM member WHERE left_at < $1 ORDER BY left_at LIMIT $2", drop_member },
  { "SELECT id, 0 FROM list WHERE removed_at < $1 AND NOT EXISTS (SELECT 1 FROM posting WHERE list_id = list.id) "
    "AND NOT EXISTS (SELECT 1 FROM member WHERE list_id = list.id AND left_at >= $1) ORDER BY id LIMIT $2",
    drop_list },
  { "SELECT id, 0 FROM domain WHERE removed_at < $1 AND NOT EXISTS (SELECT 1 FROM list WHERE domain_id = domain.id) ORDER BY id LIMIT $2", drop_domain },
};

enum res
tombstone_prune(struct tx *tx, int64_t before, int limit, int64_t now, int64_t *n, GError **error)
{
  enum res res = RES_OK;
  *n = 0;
  for (size_t i = 0; res == RES_OK && i < G_N_ELEMENTS(sorts) && *n < limit; i++) {
    g_autoptr(GArray) pairs = g_array_new(FALSE, FALSE, sizeof(struct id_pair));
    res = pairs_read(tx, sorts[i].find, before, limit - *n, pairs, error);
    for (guint j = 0; res == RES_OK && j < pairs->len; j++)
      res = sorts[i].drop(tx, &g_array_index(pairs, struct id_pair, j), now, error);
    *n += pairs->len;
  }
  return res;
}

enum res
tombstone_any(struct tx *tx, GError **error)
{
  int64_t one;
  return sql_int_of(tx,
                    "SELECT 1 FROM (SELECT 1 FROM member WHERE left_at IS NOT NULL LIMIT 1) AS m UNION ALL SELECT 1 FROM list WHERE removed_at IS NOT NULL "
                    "UNION ALL SELECT 1 FROM domain WHERE removed_at IS NOT NULL LIMIT 1",
                    SQL_NO_ARGS, &one, error);
}
