#include "queue/readdress.h"

/* Rows looked at in one transaction. */
#define SLICE_READ 2000
/* Rows changed in one transaction. */
#define SLICE_WRITE 200

struct readdress {
  GHashTable *members; /* int64_t, borrowed */
  const char *address;
  GArray *found;       /* int64_t: rows to change */
  guint from;          /* of `found`: the slice at hand */
  int64_t changed;     /* of that slice */
  struct place {
    int64_t state, next_at, id;
  } after; /* reading goes along the index of what is not done (recipient_due) */
  bool more;
};

static enum res
read_slice(struct tx *tx, void *arg, GError **error)
{
  struct readdress *readdress = arg;
  struct place at = readdress->after;
  int64_t n = 0;
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "SELECT state, next_at, id, member_id FROM recipient WHERE state <= 1 AND (state, next_at, id) > ($1, $2, $3) "
                           "ORDER BY state, next_at, id LIMIT $4",
                           SQL_ARGS(sql_int(at.state), sql_int(at.next_at), sql_int(at.id), sql_int(SLICE_READ)), &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK) {
    readdress->after = (struct place){ row_int(rows, 0), row_int(rows, 1), row_int(rows, 2) };
    int64_t member_id = row_int(rows, 3);
    n++;
    if (g_hash_table_contains(readdress->members, &member_id))
      g_array_append_val(readdress->found, readdress->after.id);
  }
  readdress->more = n == SLICE_READ;
  return res == RES_MORE ? RES_OK : res;
}

static enum res
write_slice(struct tx *tx, void *arg, GError **error)
{
  struct readdress *readdress = arg;
  enum res res = RES_OK;
  readdress->changed = 0;
  for (guint i = readdress->from; res == RES_OK && i < readdress->found->len && i < readdress->from + SLICE_WRITE; i++) {
    res = sql_run(tx, "UPDATE recipient SET address = $2 WHERE id = $1 AND state <= 1",
                  SQL_ARGS(sql_int(g_array_index(readdress->found, int64_t, i)), sql_text(readdress->address)), error);
    readdress->changed += sql_changes(tx);
  }
  return res;
}

/* The rows of `members`. */
static enum res
find_rows(struct store *store, const int64_t *members, size_t n_members, GArray *found, GError **error)
{
  g_autoptr(GHashTable) set = g_hash_table_new(g_int64_hash, g_int64_equal);
  for (size_t i = 0; i < n_members; i++)
    g_hash_table_add(set, (gpointer)&members[i]);
  struct readdress readdress = { .members = set, .found = found, .after = { .state = -1 }, .more = true };
  enum res res = RES_OK;
  while (res == RES_OK && readdress.more)
    res = store_read(store, read_slice, &readdress, error);
  return res;
}

enum res
readdress_count(struct store *store, const int64_t *members, size_t n_members, int64_t *n, GError **error)
{
  g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(int64_t));
  enum res res = find_rows(store, members, n_members, found, error);
  *n = found->len;
  return res;
}

enum res
readdress_waiting(struct store *store, const int64_t *members, size_t n_members, const char *address, int64_t *n, GError **error)
{
  g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(int64_t));
  enum res res = find_rows(store, members, n_members, found, error);
  struct readdress readdress = { .address = address, .found = found };
  *n = 0;
  for (; res == RES_OK && readdress.from < found->len; readdress.from += SLICE_WRITE) {
    res = store_write(store, write_slice, &readdress, error);
    *n += res == RES_OK ? readdress.changed : 0;
  }
  return res;
}
