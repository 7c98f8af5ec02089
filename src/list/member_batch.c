#include "list/member_batch.h"
#include "envelope/address.h"
#include "list/ban.h"
#include "list/known_address.h"

struct member_batch {
  struct tx *tx;
  int64_t list_id;
  char *local, *domain, *alias;
  bool has_bans;       /* that may hit a member, of the list or the site */
  bool has_nonmembers;
  int64_t next_join;   /* 0: the list's row has not been taken yet */
  int64_t given;       /* join numbers */
};

/* --- what is the same for all --- */

static enum res
read_names(struct member_batch *batch, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(batch->tx, "SELECT l.local, d.name, d.alias FROM list l JOIN domain d ON d.id = l.domain_id WHERE l.id = $1 AND l.removed_at IS NULL",
                           SQL_ARGS(sql_int(batch->list_id)), &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res == RES_MORE)
    return refuse(error, REPLY_UNKNOWN_LIST, "there is no list %" G_GINT64_FORMAT, batch->list_id);
  if (res != RES_OK)
    return res;
  batch->local = g_strdup(row_text(rows, 0));
  batch->domain = g_strdup(row_text(rows, 1));
  batch->alias = g_strdup(row_text(rows, 2));
  return RES_OK;
}

static enum res
is_there(struct tx *tx, const char *sql, struct sql_args args, bool *found, GError **error)
{
  int64_t one;
  enum res res = sql_int_of(tx, sql, args, &one, error);
  *found = res == RES_OK;
  return res == RES_MORE ? RES_OK : res;
}

enum res
member_batch_begin(struct tx *tx, int64_t list_id, struct member_batch **batch, GError **error)
{
  OWN(member_batch) made = g_new0(struct member_batch, 1);
  made->tx = tx;
  made->list_id = list_id;
  enum res res = read_names(made, error);
  if (res == RES_OK)
    res = is_there(tx, "SELECT 1 FROM ban WHERE list_id IN (0, $1) LIMIT 1", SQL_ARGS(sql_int(list_id)), &made->has_bans, error);
  if (res == RES_OK)
    res = is_there(tx, "SELECT 1 FROM member WHERE list_id = $1 AND role = $2 AND left_at IS NULL LIMIT 1",
                   SQL_ARGS(sql_int(list_id), sql_int(MEMBER_NONMEMBER)), &made->has_nonmembers, error);
  if (res == RES_OK)
    *batch = OWN_GIVE(made);
  return res;
}

void
member_batch_free(struct member_batch *batch)
{
  if (!batch)
    return;
  g_free(batch->local);
  g_free(batch->domain);
  g_free(batch->alias);
  g_free(batch);
}

/* --- who may join --- */

static enum res
check_ban(struct member_batch *batch, const struct member_new *add, const char *key, GError **error)
{
  if (add->role != MEMBER_MEMBER || !batch->has_bans)
    return RES_OK;
  g_autofree char *ban = NULL;
  enum res res = ban_match(batch->tx, batch->list_id, key, &ban, error);
  if (res == RES_OK)
    return refuse(error, REPLY_REFUSED, "%s is banned (%s)", key, ban);
  return res == RES_MORE ? RES_OK : res;
}

/* None of the list's own addresses, by either name of the domain: what it sends there would come back. */
static enum res
check(struct member_batch *batch, const struct member_new *add, char **key, GError **error)
{
  g_assert(add->list_id == batch->list_id);
  *key = address_key_of(slice_of(add->address));
  if (!*key)
    return refuse(error, REPLY_BAD_ADDRESS, "\"%.200s\" is no address", add->address);
  if (add->name && !member_is_name(add->name))
    return refuse(error, REPLY_SYNTAX, "the name of %s is not one line of UTF-8 of at most %d octets", *key, MEMBER_NAME_MAX);
  if (list_owns_address(batch->local, batch->domain, *key) || list_owns_address(batch->local, batch->alias, *key))
    return refuse(error, REPLY_BAD_ADDRESS, "%s is an address of the list itself", *key);
  return check_ban(batch, add, *key, error);
}

enum res
member_batch_check(struct member_batch *batch, const struct member_new *add, GError **error)
{
  g_autofree char *key = NULL;
  return check(batch, add, &key, error);
}

/* --- joining --- */

/* From here on nobody else gives out join numbers of this list, until the transaction ends. */
static enum res
take_list_row(struct member_batch *batch, GError **error)
{
  if (batch->next_join)
    return RES_OK;
  return sql_int_of(batch->tx, "UPDATE list SET next_join = next_join WHERE id = $1 RETURNING next_join", SQL_ARGS(sql_int(batch->list_id)), &batch->next_join, error);
}

static enum res
insert_member(struct member_batch *batch, const struct member_new *add, int64_t address_id, bool *added, GError **error)
{
  bool trusted = add->role == MEMBER_OWNER || add->role == MEMBER_MODERATOR;
  enum res res = sql_run(batch->tx,
                         "INSERT INTO member (list_id, address_id, role, join_number, mode, status, moderation, joined_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
                         "ON CONFLICT (list_id, role, address_id) WHERE left_at IS NULL DO NOTHING",
                         SQL_ARGS(sql_int(add->list_id), sql_int(address_id), sql_int(add->role), sql_int(batch->next_join + batch->given), sql_int(add->mode),
                                  sql_int(add->status), trusted ? sql_int(MODERATION_ACCEPT) : sql_null(), sql_int(add->now)),
                         error);
  *added = res == RES_OK && sql_changes(batch->tx) > 0;
  batch->given += *added;
  batch->has_nonmembers |= *added && add->role == MEMBER_NONMEMBER;
  return res;
}

static enum res
end_nonmember(struct member_batch *batch, const struct member_new *add, int64_t address_id, GError **error)
{
  if (add->role != MEMBER_MEMBER || !batch->has_nonmembers)
    return RES_OK;
  return sql_run(batch->tx, "UPDATE member SET left_at = $4 WHERE list_id = $1 AND role = $2 AND address_id = $3 AND left_at IS NULL",
                 SQL_ARGS(sql_int(add->list_id), sql_int(MEMBER_NONMEMBER), sql_int(address_id), sql_int(add->now)), error);
}

enum res
member_batch_add(struct member_batch *batch, const struct member_new *add, bool *added, GError **error)
{
  *added = false;
  g_autofree char *key = NULL;
  int64_t address_id = 0;
  enum res res = check(batch, add, &key, error);
  if (res == RES_OK)
    res = take_list_row(batch, error);
  if (res == RES_OK)
    res = known_address_make(batch->tx, key, add->address, add->name, add->now, &address_id, error);
  if (res == RES_OK)
    res = insert_member(batch, add, address_id, added, error);
  return res == RES_OK && *added ? end_nonmember(batch, add, address_id, error) : res;
}

enum res
member_batch_end(struct member_batch *batch, GError **error)
{
  if (!batch->given)
    return RES_OK;
  return sql_run(batch->tx, "UPDATE list SET next_join = $2 WHERE id = $1", SQL_ARGS(sql_int(batch->list_id), sql_int(batch->next_join + batch->given)), error);
}
