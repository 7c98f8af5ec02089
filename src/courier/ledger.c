#include "courier/ledger.h"
#include "base/crash_point.h"
#include "courier/bounce.h"
#include "courier/roster_chunk.h"
#include "queue/posting.h"

#define PAGE 200
#define DELIVERIES_MAX 100

struct ledger {
  const char *code;
  struct ledger_summary *summary;
  int64_t deliveries[DELIVERIES_MAX];
  int n;
  GPtrArray *page; /* struct ledger_line * */
  int64_t delivery;
  int64_t state, after; /* the last row of the page before: pages go along the indexes by delivery, state and id */
  bool bounces;         /* mail came back from some of the delivery at hand */
  bool more;
};

static enum res
add_line(struct tx *tx, struct ledger *ledger, struct ledger_line *line, GError **error)
{
  g_ptr_array_add(ledger->page, line);
  if (!ledger->bounces || line->member_id == 0)
    return RES_OK;
  return bounce_returned(tx, line->member_id, ledger->delivery, &line->returned, error);
}

/* Whether to ask for each member's bounces. */
static enum res
find_bounces(struct tx *tx, struct ledger *ledger, GError **error)
{
  int64_t one;
  enum res res = sql_int_of(tx, "SELECT 1 FROM bounce WHERE delivery_id = $1 AND kind <> 0 LIMIT 1", SQL_ARGS(sql_int(ledger->delivery)), &one, error);
  ledger->bounces = res == RES_OK;
  return res == RES_MORE ? RES_OK : res;
}

/* --- recipients with rows of their own --- */

static enum res
read_recipients(struct tx *tx, void *arg, GError **error)
{
  struct ledger *ledger = arg;
  OWN(rows) rows = NULL;
  int64_t n = 0;
  g_ptr_array_set_size(ledger->page, 0);
  enum res res = find_bounces(tx, ledger, error);
  if (res == RES_OK)
    res = sql_query(tx,
                    "SELECT " LEDGER_RECIPIENT_COLUMNS " FROM recipient WHERE delivery_id = $1 AND (state, id) > ($2, $3) ORDER BY state, id LIMIT 200",
                    SQL_ARGS(sql_int(ledger->delivery), sql_int(ledger->state), sql_int(ledger->after)), &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK) {
    ledger->state = row_int(rows, 3);
    ledger->after = row_int(rows, 0);
    n++;
    res = add_line(tx, ledger, ledger_line_of_recipient(rows), error);
  }
  ledger->more = n == PAGE;
  return res == RES_MORE ? RES_OK : res;
}

/* --- chunks --- */

static enum res
add_member(struct tx *tx, struct ledger *ledger, struct rows *rows, int64_t member_id, const struct chunk_reply *reply, GError **error)
{
  g_autofree char *address = NULL;
  enum res res = sql_text_of(tx, "SELECT address.email FROM member JOIN address ON address.id = member.address_id WHERE member.id = $1", SQL_ARGS(sql_int(member_id)),
                             &address, error);
  if (res != RES_OK && res != RES_MORE)
    return res;
  struct ledger_line *line = ledger_line_of_chunk(rows, address ? address : "(gone)", reply);
  line->member_id = member_id;
  return add_line(tx, ledger, line, error);
}

static enum res
add_chunk(struct tx *tx, struct ledger *ledger, struct rows *rows, GError **error)
{
  struct slice replies = slice_of(row_text(rows, 6));
  g_autoptr(GArray) members = NULL;
  chunk_replies_count_skipped(replies, &ledger->summary->skips);
  if (roster_chunk_decode(row_bytes(rows, 5), &members, NULL) != RES_OK)
    return RES_OK;
  enum res res = RES_OK;
  struct chunk_reply reply;
  chunk_reply_begin(&reply, replies);
  for (guint i = 0; i < members->len && res == RES_OK; i++) {
    chunk_reply_next(&reply);
    res = add_member(tx, ledger, rows, g_array_index(members, int64_t, i), &reply, error);
  }
  chunk_reply_end(&reply);
  return res;
}

/* One chunk a transaction: its members' addresses are looked up one by one. A chunk counts once in the summary, however often the
 * transaction runs: reads run once. */
static enum res
read_chunk(struct tx *tx, void *arg, GError **error)
{
  struct ledger *ledger = arg;
  OWN(rows) rows = NULL;
  g_ptr_array_set_size(ledger->page, 0);
  enum res res = find_bounces(tx, ledger, error);
  if (res == RES_OK)
    res = sql_query(tx, "SELECT " LEDGER_CHUNK_COLUMNS " FROM chunk WHERE delivery_id = $1 AND (state, id) > ($2, $3) ORDER BY state, id LIMIT 1",
                    SQL_ARGS(sql_int(ledger->delivery), sql_int(ledger->state), sql_int(ledger->after)), &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  ledger->more = res == RES_OK;
  if (res != RES_OK)
    return res == RES_MORE ? RES_OK : res;
  ledger->after = row_int(rows, 0);
  ledger->state = row_int(rows, 1);
  return add_chunk(tx, ledger, rows, error);
}

/* --- the whole --- */

static enum res
find_deliveries(struct tx *tx, void *arg, GError **error)
{
  struct ledger *ledger = arg;
  OWN(posting) posting = NULL;
  OWN(rows) rows = NULL;
  enum res res = posting_find(tx, ledger->code, &posting, error);
  if (res == RES_OK)
    res = sql_query(tx, "SELECT id, state FROM delivery WHERE posting_id = $1 ORDER BY id LIMIT 100", SQL_ARGS(sql_int(posting->id)), &rows, error);
  if (res != RES_OK)
    return res;
  while ((res = rows_next(rows, error)) == RES_OK && ledger->n < DELIVERIES_MAX) {
    ledger->deliveries[ledger->n++] = row_int(rows, 0);
    ledger->summary->open += row_int(rows, 1) != 2;
  }
  ledger->summary->deliveries = ledger->n;
  return res == RES_MORE ? RES_OK : res;
}

static enum res
hand_out(struct store *store, struct ledger *ledger, store_fn read, ledger_fn fn, void *arg, GError **error)
{
  ledger->state = -1;
  ledger->after = 0;
  do {
    enum res res = store_read(store, read, ledger, error);
    if (res != RES_OK)
      return res;
    for (guint i = 0; i < ledger->page->len; i++)
      fn(g_ptr_array_index(ledger->page, i), arg);
    ledger->summary->lines += ledger->page->len;
  } while (ledger->more);
  return RES_OK;
}

enum res
ledger_read(struct store *store, const char *code, ledger_fn fn, void *arg, struct ledger_summary *summary, GError **error)
{
  static const store_fn parts[] = { read_recipients, read_chunk };
  g_autoptr(GPtrArray) page = g_ptr_array_new_with_free_func((GDestroyNotify)ledger_line_free);
  *summary = (struct ledger_summary){ .deliveries = 0 };
  struct ledger ledger = { .code = code, .summary = summary, .page = page };
  enum res res = store_read(store, find_deliveries, &ledger, error);
  for (int i = 0; i < ledger.n && res == RES_OK; i++) {
    ledger.delivery = ledger.deliveries[i];
    for (size_t part = 0; part < G_N_ELEMENTS(parts) && res == RES_OK; part++)
      res = hand_out(store, &ledger, parts[part], fn, arg, error);
  }
  return res;
}

/* --- a member --- */

static bool
chunk_has(struct slice octets, int64_t member_id)
{
  g_autoptr(GArray) members = NULL;
  if (roster_chunk_decode(octets, &members, NULL) != RES_OK)
    return false;
  for (guint i = 0; i < members->len; i++)
    if (g_array_index(members, int64_t, i) == member_id)
      return true;
  return false;
}

/* Chunks first: they are few, and most members are in them. */
static enum res
delivery_has(struct tx *tx, int64_t delivery_id, int64_t member_id, GError **error)
{
  int64_t one;
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT members FROM chunk WHERE delivery_id = $1", SQL_ARGS(sql_int(delivery_id)), &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK)
    if (chunk_has(row_bytes(rows, 0), member_id))
      return RES_OK;
  return res != RES_MORE ? res
                         : sql_int_of(tx, "SELECT 1 FROM recipient WHERE delivery_id = $1 AND member_id = $2 LIMIT 1",
                                      SQL_ARGS(sql_int(delivery_id), sql_int(member_id)), &one, error);
}

enum res
ledger_find_member(struct tx *tx, int64_t posting_id, const char *key, int64_t *member_id, int64_t *delivery_id, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "SELECT member.id, delivery.id FROM posting JOIN delivery ON delivery.posting_id = posting.id JOIN member ON member.list_id = posting.list_id "
                           "JOIN address ON address.id = member.address_id WHERE posting.id = $1 AND address.key = $2 ORDER BY delivery.id, member.id DESC",
                           SQL_ARGS(sql_int(posting_id), sql_text(key)), &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK) {
    *member_id = row_int(rows, 0);
    *delivery_id = row_int(rows, 1);
    res = delivery_has(tx, *delivery_id, *member_id, error);
    if (res != RES_MORE)
      return res;
    res = RES_OK;
  }
  return res;
}

/* --- pruning --- */

/* Deliveries are made in the order of their ids, and none is done before it was made: the first one made after `before` ends the search. */
static enum res
find_old(struct tx *tx, int64_t before, int64_t *id, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT id, state, created_at, done_at FROM delivery WHERE id > $1 ORDER BY id LIMIT 10000", SQL_ARGS(sql_int(*id)), &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK) {
    *id = row_int(rows, 0);
    if (row_int(rows, 2) >= before)
      return RES_MORE;
    if (row_int(rows, 1) == 2 && row_int(rows, 3) < before)
      return RES_OK;
  }
  return res;
}

static enum res
prune_rows(struct tx *tx, const char *sql, int64_t delivery_id, int limit, int64_t *n, GError **error)
{
  if (*n >= limit)
    return RES_OK;
  enum res res = sql_run(tx, sql, SQL_ARGS(sql_int(delivery_id), sql_int(limit - *n)), error);
  if (res == RES_OK)
    *n += sql_changes(tx);
  return res;
}

static enum res
prune_delivery(struct tx *tx, int64_t id, int limit, int64_t *n, GError **error)
{
  enum res res = prune_rows(tx, "DELETE FROM recipient WHERE id IN (SELECT id FROM recipient WHERE delivery_id = $1 LIMIT $2)", id, limit, n, error);
  if (res == RES_OK)
    res = prune_rows(tx, "DELETE FROM chunk WHERE id IN (SELECT id FROM chunk WHERE delivery_id = $1 LIMIT $2)", id, limit, n, error);
  return res == RES_OK ? prune_rows(tx, "DELETE FROM delivery WHERE id = $1 AND $2 > 0", id, limit, n, error) : res;
}

enum res
ledger_prune(struct tx *tx, int64_t before, int limit, int64_t *n, GError **error)
{
  int64_t id = 0;
  enum res res = bounce_prune(tx, before, limit, n, error);
  while (res == RES_OK && *n < limit) {
    res = find_old(tx, before, &id, error);
    if (res == RES_OK)
      res = prune_delivery(tx, id, limit, n, error);
    CRASH_POINT_IF(res == RES_OK, "ledger-pruning");
  }
  return res == RES_MORE ? RES_OK : res;
}
