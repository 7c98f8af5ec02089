#include "list/address_change.h"
#include "envelope/address.h"

void
address_change_free(struct address_change *change)
{
  if (!change)
    return;
  g_free(change->from);
  g_free(change->to);
  g_free(change->to_key);
  g_clear_pointer(&change->memberships, g_ptr_array_unref);
  g_free(change->steps);
  g_free(change);
}

/* --- the plan --- */

static bool
has_role(const GPtrArray *memberships, int64_t list_id, enum member_role role)
{
  for (guint i = 0; i < memberships->len; i++) {
    const struct membership *membership = g_ptr_array_index(memberships, i);
    if (membership->list_id == list_id && membership->role == role)
      return true;
  }
  return false;
}

/* `there`: what the new address is already. */
static enum res
plan_step(struct tx *tx, struct address_change *change, guint i, const GPtrArray *there, GError **error)
{
  const struct membership *membership = g_ptr_array_index(change->memberships, i);
  int64_t list_id = membership->list_id;
  if (has_role(there, list_id, membership->role)) {
    change->steps[i] = CHANGE_IS_THERE;
    return RES_OK;
  }
  if (membership->role == MEMBER_NONMEMBER && (has_role(there, list_id, MEMBER_MEMBER) || has_role(change->memberships, list_id, MEMBER_MEMBER))) {
    change->steps[i] = CHANGE_NO_MORE;
    return RES_OK;
  }
  const struct member_new new = { .list_id = list_id, .role = membership->role, .address = change->to };
  enum res res = member_check(tx, &new, error);
  if (res == RES_BAD)
    g_prefix_error(error, "%s: ", membership->list);
  return res;
}

static enum res
plan_steps(struct tx *tx, struct address_change *change, GError **error)
{
  change->steps = g_new0(enum address_change_step, change->memberships->len); /* CHANGE_MOVES */
  if (change->respelling)
    return RES_OK;
  g_autoptr(GPtrArray) there = NULL;
  enum res res = known_address_memberships(tx, change->to_key, &there, error);
  for (guint i = 0; res == RES_OK && i < change->memberships->len; i++)
    res = plan_step(tx, change, i, there, error);
  return res;
}

/* The new address as it is known here already, or else as it is written. */
static enum res
plan_spelling(struct tx *tx, struct address_change *change, const char *to, GError **error)
{
  OWN(known_address) known = NULL;
  enum res res = known_address_find(tx, change->to_key, &known, error);
  if (res != RES_OK && res != RES_MORE)
    return res;
  change->respelling = g_str_equal(change->from, change->to_key);
  if (change->respelling && known && g_str_equal(known->address, to))
    return refuse(error, REPLY_SYNTAX, "%s is written so already", to);
  change->to = g_strdup(known && !change->respelling ? known->address : to);
  return RES_OK;
}

enum res
address_change_plan(struct tx *tx, const char *from, const char *to, struct address_change **change, GError **error)
{
  OWN(address_change) made = g_new0(struct address_change, 1);
  made->from = address_key_of(slice_of(from));
  made->to_key = address_key_of(slice_of(to));
  if (!made->from || !made->to_key)
    return refuse(error, REPLY_BAD_ADDRESS, "\"%.200s\" is no address", made->from ? to : from);
  enum res res = known_address_memberships(tx, made->from, &made->memberships, error);
  if (res == RES_OK && made->memberships->len == 0)
    return RES_MORE;
  if (res == RES_OK)
    res = plan_spelling(tx, made, to, error);
  if (res == RES_OK)
    res = plan_steps(tx, made, error);
  if (res == RES_OK)
    *change = OWN_GIVE(made);
  return res;
}

/* --- the deed --- */

static enum res
end_member(struct tx *tx, int64_t id, int64_t now, GError **error)
{
  return sql_run(tx, "UPDATE member SET left_at = $2 WHERE id = $1 AND left_at IS NULL", SQL_ARGS(sql_int(id), sql_int(now)), error);
}

/* Who becomes a member is no non-member any more. */
static enum res
move_member(struct tx *tx, const struct membership *membership, int64_t address_id, int64_t now, GError **error)
{
  enum res res = sql_run(tx, "UPDATE member SET address_id = $2 WHERE id = $1", SQL_ARGS(sql_int(membership->id), sql_int(address_id)), error);
  if (res != RES_OK || membership->role != MEMBER_MEMBER)
    return res;
  return sql_run(tx, "UPDATE member SET left_at = $4 WHERE list_id = $1 AND role = $2 AND address_id = $3 AND left_at IS NULL",
                 SQL_ARGS(sql_int(membership->list_id), sql_int(MEMBER_NONMEMBER), sql_int(address_id), sql_int(now)), error);
}

/* The row of the new address, with the old one's name if it has none. */
static enum res
new_address(struct tx *tx, const struct address_change *change, int64_t now, int64_t *id, GError **error)
{
  OWN(known_address) old = NULL;
  enum res res = known_address_find(tx, change->from, &old, error);
  return res == RES_OK ? known_address_make(tx, change->to_key, change->to, old->name, now, id, error) : res;
}

enum res
address_change_apply(struct tx *tx, const struct address_change *change, int64_t now, GError **error)
{
  if (change->respelling)
    return sql_run(tx, "UPDATE address SET email = $2 WHERE key = $1", SQL_ARGS(sql_text(change->from), sql_text(change->to)), error);
  int64_t address_id;
  enum res res = new_address(tx, change, now, &address_id, error);
  for (guint i = 0; res == RES_OK && i < change->memberships->len; i++) {
    const struct membership *membership = g_ptr_array_index(change->memberships, i);
    res = change->steps[i] == CHANGE_MOVES ? move_member(tx, membership, address_id, now, error) : end_member(tx, membership->id, now, error);
  }
  return res;
}
