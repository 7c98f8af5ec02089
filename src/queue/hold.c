#include "queue/hold.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "queue/delivery.h"
#include "queue/posting_row.h"

#define LIST_MAX 10000

/* In SQL below, state 1 is POSTING_HELD: as a constant, so that the index posting_held serves. */
G_STATIC_ASSERT(POSTING_HELD == 1);

enum res
hold_list(struct tx *tx, int64_t list_id, GPtrArray **postings, GError **error)
{
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func((GDestroyNotify)posting_free);
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT " POSTING_COLUMNS " FROM posting WHERE list_id = $1 AND state = 1 ORDER BY held_at, id LIMIT $2",
                           SQL_ARGS(sql_int(list_id), sql_int(LIST_MAX)), &rows, error);
  if (res != RES_OK)
    return res;
  while ((res = rows_next(rows, error)) == RES_OK)
    g_ptr_array_add(found, posting_read(rows));
  if (res != RES_MORE)
    return res;
  *postings = g_steal_pointer(&found);
  return RES_OK;
}

static enum res
hold_settle(struct tx *tx, int64_t id, enum posting_state state, int64_t now, GError **error)
{
  return sql_run(tx, "UPDATE posting SET state = $2, decided_at = $3 WHERE id = $1", SQL_ARGS(sql_int(id), sql_int(state), sql_int(now)), error);
}

/* RES_MORE: none is unproven. */
static enum res
hold_discard_oldest(struct tx *tx, const struct list *list, int64_t now, char discarded[17], GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT id, code FROM posting WHERE list_id = $1 AND state = 1 AND proven = 0 ORDER BY held_at, id LIMIT 1",
                           SQL_ARGS(sql_int(list->id)), &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res != RES_OK)
    return res;
  int64_t id = row_int(rows, 0);
  g_strlcpy(discarded, row_text(rows, 1), 17);
  CRASH_POINT("hold-displacing");
  return hold_settle(tx, id, POSTING_DISCARDED, now, error);
}

enum res
hold_check_room(struct tx *tx, const struct list *list, GError **error)
{
  if (list->settings.max_held == 0)
    return RES_OK;
  int64_t held;
  enum res res = sql_int_of(tx, "SELECT count(*) FROM posting WHERE list_id = $1 AND state = 1", SQL_ARGS(sql_int(list->id)), &held, error);
  if (res != RES_OK || held < list->settings.max_held)
    return res;
  return refuse(error, REPLY_LIST_BUSY, "too many postings to %s wait for its moderators", list->posting);
}

enum res
hold_make_room(struct tx *tx, const struct list *list, enum door_kind door, bool known, int64_t now, char discarded[17], GError **error)
{
  discarded[0] = '\0';
  g_autoptr(GError) full = NULL;
  enum res res = hold_check_room(tx, list, &full);
  if (res == RES_BAD && (door == DOOR_LMTP || known)) {
    enum res made = hold_discard_oldest(tx, list, now, discarded, error);
    if (made != RES_MORE)
      return made;
  }
  if (full)
    g_propagate_error(error, g_steal_pointer(&full));
  return res;
}

static enum res
hold_accept(struct tx *tx, const struct list *list, int64_t id, int64_t now, GError **error)
{
  int64_t number, last_join;
  enum res res = list_next_number(tx, list->id, now, &number, &last_join, error);
  if (res == RES_OK)
    res = sql_run(tx, "UPDATE posting SET state = $2, number = $3, decided_at = $4 WHERE id = $1",
                  SQL_ARGS(sql_int(id), sql_int(POSTING_ACCEPTED), sql_int(number), sql_int(now)), error);
  if (res != RES_OK)
    return res;
  bool open;
  g_autofree char *reverse_path = list_role_address(list, "bounces");
  CRASH_POINT("hold-accepting");
  return delivery_create_roster(tx,
                                &(struct delivery_new){
                                  .posting_id = id, .list_id = list->id, .outlet = list->settings.outlet, .reverse_path = reverse_path, .now = now },
                                last_join, &open, error);
}

enum res
hold_decide(struct tx *tx, const struct list *list, const char *code, enum hold_decision decision, int64_t now, GError **error)
{
  int64_t id;
  enum res res = sql_int_of(tx, "SELECT id FROM posting WHERE code = $1 AND list_id = $2 AND state = 1", SQL_ARGS(sql_text(code), sql_int(list->id)), &id, error);
  if (res != RES_OK)
    return res;
  if (decision == HOLD_ACCEPT)
    return hold_accept(tx, list, id, now, error);
  return hold_settle(tx, id, decision == HOLD_REJECT ? POSTING_REJECTED : POSTING_DISCARDED, now, error);
}

/* --- expiry --- */

struct holder {
  int64_t list_id, oldest_at;
};

/* The lists that hold something, each by one look into the index. */
static enum res
holders_read(struct tx *tx, GArray *holders, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "SELECT l.id, (SELECT p.held_at FROM posting p WHERE p.list_id = l.id AND p.state = 1 ORDER BY p.held_at LIMIT 1) FROM list l "
                           "WHERE l.removed_at IS NULL",
                           SQL_NO_ARGS, &rows, error);
  if (res != RES_OK)
    return res;
  while ((res = rows_next(rows, error)) == RES_OK) {
    struct holder holder = { row_int(rows, 0), row_int(rows, 1) };
    if (!row_is_null(rows, 1))
      g_array_append_val(holders, holder);
  }
  return res == RES_MORE ? RES_OK : res;
}

/* How long a list holds, in microseconds; 0: for ever. */
static enum res
hold_time(struct tx *tx, int64_t list_id, int64_t *time, GError **error)
{
  OWN(list) list = NULL;
  enum res res = list_load_id(tx, list_id, &list, error);
  *time = res == RES_OK ? list->settings.max_days_to_hold * CLOCK_DAY : 0;
  return res == RES_MORE ? RES_OK : res;
}

static enum res
expire_of_list(struct tx *tx, int64_t list_id, int64_t before, int64_t now, int limit, int *n, GError **error)
{
  enum res res = sql_run(tx,
                         "UPDATE posting SET state = $1, decided_at = $2 WHERE id IN (SELECT id FROM posting WHERE list_id = $3 AND state = 1 AND held_at <= $4 "
                         "ORDER BY held_at LIMIT $5)",
                         SQL_ARGS(sql_int(POSTING_DISCARDED), sql_int(now), sql_int(list_id), sql_int(before), sql_int(limit)), error);
  if (res == RES_OK)
    *n += (int)sql_changes(tx);
  CRASH_POINT("hold-expiring");
  return res;
}

enum res
hold_discard_all(struct tx *tx, int64_t list_id, int64_t now, int limit, int *n, GError **error)
{
  *n = 0;
  return expire_of_list(tx, list_id, INT64_MAX, now, limit, n, error);
}

/* When the oldest held posting of a list expires. */
static enum res
next_of_list(struct tx *tx, int64_t list_id, int64_t time, int64_t *next, GError **error)
{
  int64_t oldest;
  enum res res = sql_int_of(tx, "SELECT held_at FROM posting WHERE list_id = $1 AND state = 1 ORDER BY held_at LIMIT 1", SQL_ARGS(sql_int(list_id)),
                            &oldest, error);
  if (res == RES_OK)
    *next = MIN(*next, oldest + time);
  return res == RES_MORE ? RES_OK : res;
}

enum res
hold_expire(struct tx *tx, int64_t now, int limit, int *n, int64_t *next, GError **error)
{
  g_autoptr(GArray) holders = g_array_new(FALSE, FALSE, sizeof(struct holder));
  *n = 0;
  *next = INT64_MAX;
  enum res res = holders_read(tx, holders, error);
  for (guint i = 0; res == RES_OK && i < holders->len; i++) {
    const struct holder *holder = &g_array_index(holders, struct holder, i);
    int64_t time;
    if (*n >= limit) {
      *next = now;
      break;
    }
    res = hold_time(tx, holder->list_id, &time, error);
    if (res != RES_OK || time == 0)
      continue;
    if (holder->oldest_at <= now - time)
      res = expire_of_list(tx, holder->list_id, now - time, now, limit - *n, n, error);
    if (res == RES_OK)
      res = next_of_list(tx, holder->list_id, time, next, error);
  }
  return res;
}
