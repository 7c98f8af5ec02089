#include "courier/roster.h"
#include "list/member.h"

#define SLICE_SIZE 500

/* True: `member` gets a copy. */
static bool
wants(const struct roster_query *query, const struct member *member, struct roster_skips *skips)
{
  int64_t *reason = member->status != STATUS_ENABLED                                                         ? &skips->disabled
                    : member->mode != MODE_REGULAR                                                           ? &skips->digest
                    : !member->receive_own_postings && query->author && strcmp(query->author, member->key) == 0 ? &skips->own
                                                                                                             : NULL;
  if (reason)
    ++*reason;
  return reason == NULL;
}

enum res
roster_take(struct tx *tx, const struct roster_query *query, GArray *targets, struct roster_skips *skips, int64_t *cursor, GError **error)
{
  size_t end = targets->len + query->wanted;
  *cursor = query->after;
  for (int looked = 0; looked < ROSTER_LOOK_MAX && *cursor < query->last && targets->len < end; looked += SLICE_SIZE) {
    g_autoptr(GPtrArray) members = NULL;
    enum res res = member_slice(tx, query->list_id, MEMBER_MEMBER, *cursor, SLICE_SIZE, &members, error);
    if (res != RES_OK)
      return res;
    for (guint i = 0; i < members->len; i++) {
      const struct member *member = g_ptr_array_index(members, i);
      if (targets->len == end)
        return RES_OK;
      if (member->join_number > query->last)
        break;
      *cursor = member->join_number;
      if (wants(query, member, skips))
        targets_add(targets, (struct target){ .member_id = member->id, .address = g_strdup(member->address), .no_copy = !member->receive_list_copy });
    }
    const struct member *last = members->len ? g_ptr_array_index(members, members->len - 1) : NULL;
    if (members->len < SLICE_SIZE || last->join_number >= query->last)
      *cursor = query->last;
  }
  return RES_OK;
}

enum res
roster_take_member(struct tx *tx, int64_t member_id, GArray *targets, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "SELECT address.email, member.receive_copy FROM member JOIN address ON address.id = member.address_id "
                           "WHERE member.id = $1 AND member.left_at IS NULL AND member.status = 0",
                           SQL_ARGS(sql_int(member_id)), &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res != RES_OK)
    return res;
  bool no_copy = !row_is_null(rows, 1) && row_int(rows, 1) == 0;
  targets_add(targets, (struct target){ .member_id = member_id, .address = g_strdup(row_text(rows, 0)), .no_copy = no_copy });
  return RES_OK;
}
