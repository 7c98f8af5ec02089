#include "courier/ledger.h"
#include "courier/chunk.h"
#include "courier/chunk_replies.h"
#include "courier/recipient.h"
#include "envelope/address.h"
#include "queue/posting.h"

#define PAGE 200
#define DELIVERIES_MAX 100

/* A line as it is collected inside a transaction: owned texts. */
struct entry {
  char *address, *reply;
  struct ledger_line line;
};

static void
entry_free(void *data)
{
  struct entry *entry = data;
  g_free(entry->address);
  g_free(entry->reply);
  g_free(entry);
}

struct ledger {
  const char *code, *key; /* key: of the address asked for, or NULL */
  struct ledger_summary *summary;
  int64_t deliveries[DELIVERIES_MAX];
  int n;
  GArray *members;   /* int64_t: who had that address */
  GPtrArray *page;   /* struct entry * */
  int64_t delivery;
  int64_t state, after; /* the last row of the page before: pages go along the indexes by delivery, state and id */
  bool more;
};

static void
add_line(struct ledger *ledger, const char *address, struct slice reply, struct ledger_line line)
{
  struct entry *entry = g_new0(struct entry, 1);
  entry->address = g_strdup(address);
  entry->reply = slice_dup(reply);
  entry->line = line;
  entry->line.address = entry->address;
  entry->line.reply = entry->reply;
  g_ptr_array_add(ledger->page, entry);
}

static bool
asks_for_member(const struct ledger *ledger, int64_t member_id)
{
  for (guint i = 0; i < ledger->members->len; i++)
    if (g_array_index(ledger->members, int64_t, i) == member_id)
      return true;
  return ledger->key == NULL;
}

/* --- recipients with rows of their own --- */

static bool
asks_for_recipient(const struct ledger *ledger, int64_t member_id, const char *address)
{
  if (ledger->key == NULL || (member_id != 0 && asks_for_member(ledger, member_id)))
    return true;
  g_autofree char *key = address_key_of(slice_of(address));
  return key && strcmp(key, ledger->key) == 0;
}

static const char *
recipient_state_text(int64_t state, int attempts)
{
  static const char *const names[] = {
    [RECIPIENT_WAITING] = "waiting", [RECIPIENT_CLAIMED] = "sending", [RECIPIENT_SENT] = "sent", [RECIPIENT_FAILED] = "failed", [RECIPIENT_LEFT] = "left",
  };
  if (state == RECIPIENT_WAITING && attempts > 0)
    return "deferred";
  return state >= 0 && (size_t)state < G_N_ELEMENTS(names) ? names[state] : "unknown";
}

static enum res
read_recipients(struct tx *tx, void *arg, GError **error)
{
  struct ledger *ledger = arg;
  OWN(rows) rows = NULL;
  int64_t n = 0, state = ledger->state, after = ledger->after;
  g_ptr_array_set_size(ledger->page, 0);
  enum res res = sql_query(tx,
                           "SELECT id, member_id, address, state, attempts, next_at, done_at, reply FROM recipient "
                           "WHERE delivery_id = $1 AND (state, id) > ($2, $3) ORDER BY state, id LIMIT 200",
                           SQL_ARGS(sql_int(ledger->delivery), sql_int(state), sql_int(after)), &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK) {
    int attempts = (int)row_int(rows, 4);
    state = row_int(rows, 3);
    after = row_int(rows, 0);
    n++;
    if (asks_for_recipient(ledger, row_int(rows, 1), row_text(rows, 2)))
      add_line(ledger, row_text(rows, 2), slice_of(row_text(rows, 7)),
               (struct ledger_line){ .member_id = row_int(rows, 1),
                                     .state = recipient_state_text(state, attempts),
                                     .at = row_int(rows, 6),
                                     .next_at = state == RECIPIENT_WAITING ? row_int(rows, 5) : 0,
                                     .attempts = attempts });
  }
  ledger->more = n == PAGE;
  if (res != RES_MORE)
    return res;
  ledger->state = state;
  ledger->after = after;
  return RES_OK;
}

/* --- chunks --- */

static enum res
add_member(struct tx *tx, struct ledger *ledger, int64_t member_id, struct slice reply, struct ledger_line line, GError **error)
{
  g_autofree char *address = NULL;
  enum res res = sql_text_of(tx, "SELECT address.email FROM member JOIN address ON address.id = member.address_id WHERE member.id = $1", SQL_ARGS(sql_int(member_id)),
                             &address, error);
  if (res != RES_OK && res != RES_MORE)
    return res;
  line.member_id = member_id;
  add_line(ledger, address ? address : "(gone)", reply, line);
  return RES_OK;
}

static enum res
add_chunk(struct tx *tx, struct ledger *ledger, struct rows *rows, GError **error)
{
  static const char *const names[] = { [CHUNK_WAITING] = "waiting", [CHUNK_CLAIMED] = "sending", [CHUNK_DONE] = "sent" };
  int64_t state = row_int(rows, 1);
  struct slice replies = slice_of(row_text(rows, 6));
  g_autoptr(GArray) members = NULL;
  chunk_replies_count_skipped(replies, &ledger->summary->skips, &ledger->summary->copy);
  if (state < 0 || (size_t)state >= G_N_ELEMENTS(names) || roster_chunk_decode(row_bytes(rows, 5), &members, NULL) != RES_OK)
    return RES_OK;
  struct ledger_line line = { .state = names[state], .at = row_int(rows, 4), .next_at = row_int(rows, 3) };
  line.attempts = (int)row_int(rows, 2) + (state == CHUNK_DONE);
  enum res res = RES_OK;
  for (guint i = 0; i < members->len && res == RES_OK; i++)
    if (asks_for_member(ledger, g_array_index(members, int64_t, i)))
      res = add_member(tx, ledger, g_array_index(members, int64_t, i), chunk_replies_of(replies, i), line, error);
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
  enum res res = sql_query(tx,
                           "SELECT id, state, attempts, not_before, done_at, members, replies FROM chunk "
                           "WHERE delivery_id = $1 AND (state, id) > ($2, $3) ORDER BY state, id LIMIT 1",
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

/* --- members not reached yet --- */

static enum res
read_not_reached(struct tx *tx, void *arg, GError **error)
{
  struct ledger *ledger = arg;
  ledger->more = false;
  g_ptr_array_set_size(ledger->page, 0);
  for (guint i = 0; i < ledger->members->len; i++) {
    int64_t id = g_array_index(ledger->members, int64_t, i), found;
    enum res res = sql_int_of(tx,
                              "SELECT member.id FROM member JOIN delivery ON delivery.id = $1 WHERE member.id = $2 AND member.left_at IS NULL AND member.role = 0 "
                              "AND delivery.state <> 2 AND delivery.roster = 1 AND member.join_number > delivery.cursor AND member.join_number <= delivery.last_join",
                              SQL_ARGS(sql_int(ledger->delivery), sql_int(id)), &found, error);
    if (res == RES_OK)
      res = add_member(tx, ledger, id, (struct slice){ "", 0 }, (struct ledger_line){ .state = "waiting" }, error);
    if (res != RES_OK && res != RES_MORE)
      return res;
  }
  return RES_OK;
}

/* --- the whole --- */

static enum res
find_members(struct tx *tx, struct ledger *ledger, int64_t list_id, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT member.id FROM member JOIN address ON address.id = member.address_id WHERE address.key = $1 AND member.list_id = $2",
                           SQL_ARGS(sql_text(ledger->key), sql_int(list_id)), &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK) {
    int64_t id = row_int(rows, 0);
    g_array_append_val(ledger->members, id);
  }
  return res == RES_MORE ? RES_OK : res;
}

static enum res
find_deliveries(struct tx *tx, void *arg, GError **error)
{
  struct ledger *ledger = arg;
  OWN(posting) posting = NULL;
  OWN(rows) rows = NULL;
  enum res res = posting_find(tx, ledger->code, &posting, error);
  if (res == RES_OK && ledger->key)
    res = find_members(tx, ledger, posting->list_id, error);
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
      fn(&((struct entry *)g_ptr_array_index(ledger->page, i))->line, arg);
    ledger->summary->lines += ledger->page->len;
  } while (ledger->more);
  return RES_OK;
}

static enum res
read_deliveries(struct store *store, struct ledger *ledger, ledger_fn fn, void *arg, GError **error)
{
  static const store_fn parts[] = { read_recipients, read_chunk, read_not_reached };
  enum res res = store_read(store, find_deliveries, ledger, error);
  for (int i = 0; i < ledger->n && res == RES_OK; i++) {
    ledger->delivery = ledger->deliveries[i];
    for (size_t part = 0; part < G_N_ELEMENTS(parts) && res == RES_OK; part++)
      res = hand_out(store, ledger, parts[part], fn, arg, error);
  }
  return res;
}

enum res
ledger_read(struct store *store, const char *code, const char *address, ledger_fn fn, void *arg, struct ledger_summary *summary, GError **error)
{
  g_autofree char *key = address ? address_key_of(slice_of(address)) : NULL;
  g_autoptr(GArray) members = g_array_new(FALSE, FALSE, sizeof(int64_t));
  g_autoptr(GPtrArray) page = g_ptr_array_new_with_free_func(entry_free);
  *summary = (struct ledger_summary){ .deliveries = 0 };
  if (address && key == NULL)
    return refuse(error, REPLY_BAD_ADDRESS, "\"%s\" is no address", address);
  struct ledger ledger = { .code = code, .key = key, .summary = summary, .members = members, .page = page };
  return read_deliveries(store, &ledger, fn, arg, error);
}

/* --- pruning --- */

/* Deliveries are made in the order of their ids, and none is done before it was made: the first one made after `before` ends the search. */
static enum res
find_old(struct tx *tx, int64_t before, int64_t *id, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT id, state, created_at, done_at FROM delivery ORDER BY id LIMIT 10000", SQL_NO_ARGS, &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK) {
    if (row_int(rows, 2) >= before)
      return RES_MORE;
    if (row_int(rows, 1) == 2 && row_int(rows, 3) < before) {
      *id = row_int(rows, 0);
      return RES_OK;
    }
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

static enum res
prune_bounces(struct tx *tx, int64_t before, int limit, int64_t *n, GError **error)
{
  enum res res = sql_run(tx, "DELETE FROM bounce WHERE id IN (SELECT id FROM bounce WHERE at < $1 LIMIT $2)", SQL_ARGS(sql_int(before), sql_int(limit)), error);
  *n = res == RES_OK ? sql_changes(tx) : 0;
  return res;
}

enum res
ledger_prune(struct tx *tx, int64_t before, int limit, int64_t *n, GError **error)
{
  enum res res = prune_bounces(tx, before, limit, n, error);
  while (res == RES_OK && *n < limit) {
    int64_t id;
    res = find_old(tx, before, &id, error);
    if (res == RES_OK)
      res = prune_delivery(tx, id, limit, n, error);
  }
  return res == RES_MORE ? RES_OK : res;
}
