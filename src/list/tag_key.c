#include "list/tag_key.h"
#include <sys/random.h>

static enum res
make(struct tx *tx, int64_t now, struct tag_key *key, GError **error)
{
  ssize_t n = getrandom(key->secret, sizeof key->secret, 0);
  g_assert(n == (ssize_t)sizeof key->secret);
  return sql_run(tx, "INSERT INTO tag_key (secret, created_at) VALUES ($1, $2)",
                 SQL_ARGS(sql_bytes((struct slice){ (const char *)key->secret, sizeof key->secret }), sql_int(now)), error);
}

/* False: a damaged row, which is no key. */
static bool
read_key(struct rows *rows, struct tag_key *key)
{
  struct slice secret = row_bytes(rows, 0);
  if (secret.n != sizeof key->secret)
    return false;
  memcpy(key->secret, secret.p, sizeof key->secret);
  return true;
}

enum res
tag_key_newest(struct tx *tx, int64_t now, struct tag_key *key, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT secret FROM tag_key ORDER BY id DESC LIMIT 1", SQL_NO_ARGS, &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res == RES_OK && read_key(rows, key))
    return RES_OK;
  return res == RES_OK || res == RES_MORE ? make(tx, now, key, error) : res;
}

enum res
tag_key_all(struct tx *tx, GArray **keys, GError **error)
{
  g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(struct tag_key));
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT secret FROM tag_key ORDER BY id DESC", SQL_NO_ARGS, &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK) {
    struct tag_key key;
    if (read_key(rows, &key))
      g_array_append_val(found, key);
  }
  if (res != RES_MORE)
    return res;
  *keys = g_steal_pointer(&found);
  return RES_OK;
}

enum res
tag_key_rotate(struct tx *tx, int64_t now, GError **error)
{
  struct tag_key key;
  enum res res = make(tx, now, &key, error);
  return res == RES_OK ? sql_run(tx, "DELETE FROM tag_key WHERE id NOT IN (SELECT id FROM tag_key ORDER BY id DESC LIMIT $1)",
                                 SQL_ARGS(sql_int(TAG_KEYS_MAX)), error)
                       : res;
}

enum res
tag_key_list(struct tx *tx, GArray **infos, GError **error)
{
  g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(struct tag_key_info));
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT id, created_at FROM tag_key ORDER BY id DESC", SQL_NO_ARGS, &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK) {
    struct tag_key_info info = { .id = row_int(rows, 0), .created_at = row_int(rows, 1) };
    g_array_append_val(found, info);
  }
  if (res != RES_MORE)
    return res;
  *infos = g_steal_pointer(&found);
  return RES_OK;
}
