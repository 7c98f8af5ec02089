#include "courier/roster.h"
#include "list/member.h"

/* Members asked for at a time. */
#define SLICE_MIN 50
#define SLICE_MAX 500

void
roster_found_clear(struct roster_found *found)
{
  for (enum shape shape = SHAPE_BATCH; shape <= SHAPE_PERSONAL; shape++)
    g_clear_pointer(&found->targets[shape], g_array_unref);
}

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

static bool
nobody_yet(const struct roster_found *found)
{
  return found->targets[SHAPE_BATCH]->len + found->targets[SHAPE_PERSONAL]->len == 0;
}

static bool
is_full(const struct roster_query *query, const struct roster_found *found)
{
  return !nobody_yet(found) && found->targets[found->shape]->len >= query->wanted[found->shape];
}

/* How many members are worth asking for next. */
static int
slice_size(const struct roster_query *query, const struct roster_found *found)
{
  size_t most = MAX(query->wanted[SHAPE_BATCH], query->wanted[SHAPE_PERSONAL]);
  if (!query->choice->by_member)
    most = query->wanted[query->choice->all] - found->targets[query->choice->all]->len;
  return (int)CLAMP(most, SLICE_MIN, SLICE_MAX);
}

static void
add(const struct roster_query *query, const struct member *member, struct roster_found *found)
{
  if (!wants(query, member, &found->skips))
    return;
  enum shape shape = shape_choice_of(query->choice, member->id, member->key);
  if (nobody_yet(found))
    found->shape = shape;
  targets_add(found->targets[shape], (struct target){ .member_id = member->id, .address = g_strdup(member->address), .no_copy = !member->receive_list_copy });
}

static enum res
take_slice(struct tx *tx, const struct roster_query *query, int size, struct roster_found *found, GError **error)
{
  g_autoptr(GPtrArray) members = NULL;
  enum res res = member_slice(tx, query->list_id, MEMBER_MEMBER, found->cursor, size, &members, error);
  if (res != RES_OK)
    return res;
  const struct member *last = members->len ? g_ptr_array_index(members, members->len - 1) : NULL;
  if (last)
    res = shape_choice_look(tx, query->choice, found->cursor, last->join_number, error);
  for (guint i = 0; res == RES_OK && i < members->len; i++) {
    const struct member *member = g_ptr_array_index(members, i);
    if (is_full(query, found))
      return RES_OK;
    if (member->join_number > query->last)
      break;
    found->cursor = member->join_number;
    add(query, member, found);
  }
  if (members->len < (guint)size || last->join_number >= query->last)
    found->cursor = query->last;
  return res;
}

enum res
roster_take(struct tx *tx, const struct roster_query *query, struct roster_found *found, GError **error)
{
  *found = (struct roster_found){ .targets = { targets_new(), targets_new() }, .cursor = query->after };
  enum res res = RES_OK;
  for (int looked = 0; res == RES_OK && looked < ROSTER_LOOK_MAX && found->cursor < query->last && !is_full(query, found);) {
    int size = slice_size(query, found);
    res = take_slice(tx, query, size, found, error);
    looked += size;
  }
  return res;
}

enum res
roster_take_member(struct tx *tx, int64_t member_id, GArray *targets, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "SELECT address.email, member.receive_copy FROM member JOIN address ON address.id = member.address_id JOIN list ON list.id = member.list_id "
                           "WHERE member.id = $1 AND member.left_at IS NULL AND member.status = 0 AND list.removed_at IS NULL",
                           SQL_ARGS(sql_int(member_id)), &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res != RES_OK)
    return res;
  bool no_copy = !row_is_null(rows, 1) && row_int(rows, 1) == 0;
  targets_add(targets, (struct target){ .member_id = member_id, .address = g_strdup(row_text(rows, 0)), .no_copy = no_copy });
  return RES_OK;
}
