#include "courier/recipient.h"

/* Rows looked at in one claim at most: those of the other shape may stand among them. */
#define LOOK_MAX 1000

/* True: nothing was taken before this one. */
static bool
is_first(const GArray *targets, const GArray *left)
{
  return targets->len + left->len == 0;
}

/* A shape that is none, in a damaged row, is a batch's here and in what follows. `left` gets the rows of those who get nothing any more. */
static enum res
find_due(struct tx *tx, int64_t delivery_id, int64_t now, const size_t limits[2], enum shape *shape, GArray *targets, GArray *left, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "SELECT recipient.id, recipient.member_id, recipient.address, recipient.attempts, recipient.first_at, "
                           "member.left_at IS NOT NULL OR member.status <> 0 OR list.removed_at IS NOT NULL, recipient.shape, "
                           "member.role = 0 AND member.receive_copy = 0 "
                           "FROM recipient LEFT JOIN member ON member.id = recipient.member_id LEFT JOIN list ON list.id = member.list_id "
                           "WHERE recipient.delivery_id = $1 AND recipient.state = 0 AND recipient.next_at <= $2 ORDER BY recipient.next_at, recipient.id LIMIT $3",
                           SQL_ARGS(sql_int(delivery_id), sql_int(now), sql_int(LOOK_MAX)), &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK) {
    int64_t id = row_int(rows, 0);
    enum shape its = row_int(rows, 6) == SHAPE_PERSONAL ? SHAPE_PERSONAL : SHAPE_BATCH;
    if (is_first(targets, left))
      *shape = its;
    if (its != *shape)
      continue;
    if (row_int(rows, 5)) /* no member: NULL, which reads as 0 */
      g_array_append_val(left, id);
    else
      targets_add(targets, (struct target){ .recipient_id = id,
                                            .member_id = row_int(rows, 1),
                                            .address = g_strdup(row_text(rows, 2)),
                                            .attempts = (int)row_int(rows, 3),
                                            .first_at = row_int(rows, 4),
                                            .no_copy = row_int(rows, 7) != 0 });
    if (targets->len + left->len == limits[*shape])
      return RES_OK;
  }
  return res == RES_MORE ? RES_OK : res;
}

enum res
recipient_claim_due(struct tx *tx, int64_t delivery_id, int64_t now, const size_t limits[2], enum shape *shape, GArray *targets, GError **error)
{
  g_autoptr(GArray) left = g_array_new(FALSE, FALSE, sizeof(int64_t));
  enum res res = find_due(tx, delivery_id, now, limits, shape, targets, left, error);
  for (guint i = 0; i < left->len && res == RES_OK; i++)
    res = sql_run(tx, "UPDATE recipient SET state = 4, done_at = $2 WHERE id = $1", SQL_ARGS(sql_int(g_array_index(left, int64_t, i)), sql_int(now)), error);
  for (guint i = 0; i < targets->len && res == RES_OK; i++)
    res = sql_run(tx, "UPDATE recipient SET state = 1 WHERE id = $1", SQL_ARGS(sql_int(targets_at(targets, i)->recipient_id)), error);
  return res;
}

static struct sql_value
done_at(const struct recipient_row *row)
{
  return row->state == RECIPIENT_WAITING ? sql_null() : sql_int(row->now);
}

/* `history` with the row's attempt, if there is one; owned by the caller. */
static char *
history_of(const char *history, const struct recipient_row *row)
{
  return row->attempt ? attempts_add(slice_of(history), row->attempt) : g_strdup(history);
}

/* Who has moved since the copy was claimed (list/address_change.h) is tried at the new address. */
#define ADDRESS_IF_WAITING(member, state) "(SELECT a.email FROM member m JOIN address a ON a.id = m.address_id WHERE m.id = " member " AND " state " = 0)"

enum res
recipient_create(struct tx *tx, int64_t delivery_id, const struct target *target, const struct recipient_row *row, GError **error)
{
  g_autofree char *history = history_of("", row);
  return sql_run(tx,
                 "INSERT INTO recipient (delivery_id, member_id, address, state, shape, attempts, next_at, first_at, done_at, reply, history) "
                 "VALUES ($1, $2, COALESCE(" ADDRESS_IF_WAITING("$2", "$4") ", $3), $4, $5, $6, $7, $8, $9, $10, $11)",
                 SQL_ARGS(sql_int(delivery_id), sql_int(target->member_id), sql_text(target->address), sql_int(row->state), sql_int(row->shape),
                          sql_int(row->attempts), sql_int(row->next_at), sql_int(row->first_at), done_at(row), sql_text(row->reply), sql_text(history)),
                 error);
}

enum res
recipient_record(struct tx *tx, int64_t id, const struct recipient_row *row, GError **error)
{
  g_autofree char *before = NULL;
  enum res res = sql_text_of(tx, "SELECT history FROM recipient WHERE id = $1", SQL_ARGS(sql_int(id)), &before, error);
  if (res != RES_OK)
    return res == RES_MORE ? RES_OK : res;
  g_autofree char *history = history_of(before, row);
  return sql_run(tx,
                 "UPDATE recipient SET state = $2, attempts = $3, next_at = $4, first_at = $5, done_at = $6, reply = $7, history = $8, "
                 "address = COALESCE(" ADDRESS_IF_WAITING("recipient.member_id", "$2") ", address) WHERE id = $1",
                 SQL_ARGS(sql_int(id), sql_int(row->state), sql_int(row->attempts), sql_int(row->next_at), sql_int(row->first_at), done_at(row),
                          sql_text(row->reply), sql_text(history)),
                 error);
}

enum res
recipient_release(struct tx *tx, int64_t id, GError **error)
{
  return sql_run(tx, "UPDATE recipient SET state = 0 WHERE id = $1", SQL_ARGS(sql_int(id)), error);
}
