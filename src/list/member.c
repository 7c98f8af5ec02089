#include "list/member.h"
#include "envelope/address.h"
#include "list/member_batch.h"

static const char *const role_names[] = { "member", "owner", "moderator", "nonmember", NULL };
static const char *const mode_names[] = { "regular", "mime_digests", "plaintext_digests", "summary_digests", NULL };
static const char *const status_names[] = { "enabled", "by_user", "by_bounces", "by_moderator", "unknown", NULL };

static const char *
nth(const char *const *names, size_t n)
{
  size_t i = 0;
  while (i < n && names[i])
    i++;
  return names[i];
}

static int
position(const char *const *names, const char *text)
{
  for (int i = 0; names[i]; i++)
    if (g_ascii_strcasecmp(names[i], text) == 0)
      return i;
  return -1;
}

const char *
member_role_name(enum member_role role)
{
  return nth(role_names, role);
}

int
member_role_parse(const char *text)
{
  return position(role_names, text);
}

const char *
delivery_mode_name(enum delivery_mode mode)
{
  return nth(mode_names, mode);
}

const char *
delivery_status_name(enum delivery_status status)
{
  return nth(status_names, status);
}

void
member_free(struct member *member)
{
  if (!member)
    return;
  g_free(member->address);
  g_free(member->key);
  g_free(member->name);
  g_free(member);
}

/* --- adding and removing --- */

bool
member_is_name(const char *text)
{
  if (strlen(text) > MEMBER_NAME_MAX || !g_utf8_validate(text, -1, NULL))
    return false;
  for (const char *p = text; *p; p = g_utf8_next_char(p))
    if (g_unichar_iscntrl(g_utf8_get_char(p)))
      return false;
  return true;
}

enum res
member_check(struct tx *tx, const struct member_new *add, GError **error)
{
  OWN(member_batch) alone = NULL;
  enum res res = member_batch_begin(tx, add->list_id, &alone, error);
  return res == RES_OK ? member_batch_check(alone, add, error) : res;
}

enum res
member_add(struct tx *tx, const struct member_new *add, bool *added, GError **error)
{
  OWN(member_batch) alone = NULL;
  *added = false;
  enum res res = member_batch_begin(tx, add->list_id, &alone, error);
  if (res == RES_OK)
    res = member_batch_add(alone, add, added, error);
  return res == RES_OK ? member_batch_end(alone, error) : res;
}

enum res
member_remove(struct tx *tx, int64_t list_id, enum member_role role, const char *address, int64_t now, GError **error)
{
  g_autofree char *key = address_key_of(slice_of(address));
  if (!key)
    return RES_MORE;
  enum res res = sql_run(tx,
                         "UPDATE member SET left_at = $4 WHERE list_id = $1 AND role = $2 AND left_at IS NULL "
                         "AND address_id = (SELECT id FROM address WHERE key = $3)",
                         SQL_ARGS(sql_int(list_id), sql_int(role), sql_text(key), sql_int(now)), error);
  return res == RES_OK && !sql_changes(tx) ? RES_MORE : res;
}

/* --- reading --- */

#define MEMBER_ROWS                                                                                                       \
  "SELECT m.id, m.list_id, m.join_number, m.joined_at, m.role, a.email, a.key, a.name, m.mode, m.status, m.moderation, " \
  "COALESCE(m.receive_own, 1), COALESCE(m.receive_copy, 1) FROM member m JOIN address a ON a.id = m.address_id "

enum column { ID, LIST_ID, JOIN_NUMBER, JOINED_AT, ROLE, EMAIL, KEY, NAME, MODE, STATUS, MODERATION, RECEIVE_OWN, RECEIVE_COPY };

static struct member *
member_of_row(struct rows *rows)
{
  struct member *member = g_new(struct member, 1);
  *member = (struct member){
    .id = row_int(rows, ID),
    .list_id = row_int(rows, LIST_ID),
    .join_number = row_int(rows, JOIN_NUMBER),
    .joined_at = row_int(rows, JOINED_AT),
    .role = (enum member_role)row_int(rows, ROLE),
    .address = g_strdup(row_text(rows, EMAIL)),
    .key = g_strdup(row_text(rows, KEY)),
    .name = g_strdup(row_text(rows, NAME)),
    .mode = (enum delivery_mode)row_int(rows, MODE),
    .status = (enum delivery_status)row_int(rows, STATUS),
    .moderation = row_is_null(rows, MODERATION) ? -1 : (int)row_int(rows, MODERATION),
    .receive_own_postings = row_int(rows, RECEIVE_OWN) != 0,
    .receive_list_copy = row_int(rows, RECEIVE_COPY) != 0,
  };
  return member;
}

enum res
member_find(struct tx *tx, int64_t list_id, enum member_role role, const char *key, struct member **member, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, MEMBER_ROWS "WHERE a.key = $1 AND m.list_id = $2 AND m.role = $3 AND m.left_at IS NULL",
                           SQL_ARGS(sql_text(key), sql_int(list_id), sql_int(role)), &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res == RES_OK)
    *member = member_of_row(rows);
  return res;
}

enum res
member_roles(struct tx *tx, int64_t list_id, const char *key, bool roles[MEMBER_ROLES], GError **error)
{
  OWN(rows) rows = NULL;
  memset(roles, 0, MEMBER_ROLES * sizeof *roles);
  enum res res = sql_query(tx,
                           "SELECT m.role FROM address a JOIN member m ON m.address_id = a.id WHERE a.key = $1 AND m.list_id = $2 AND m.role IN (0, 1, 2, 3) "
                           "AND m.left_at IS NULL",
                           SQL_ARGS(sql_text(key), sql_int(list_id)), &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK)
    roles[CLAMP(row_int(rows, 0), 0, MEMBER_ROLES - 1)] = true;
  return res == RES_MORE ? RES_OK : res;
}

static void
free_member(void *member)
{
  member_free(member);
}

enum res
member_slice(struct tx *tx, int64_t list_id, enum member_role role, int64_t after, int limit, GPtrArray **members, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, MEMBER_ROWS "WHERE m.list_id = $1 AND m.role = $2 AND m.join_number > $3 AND m.left_at IS NULL ORDER BY m.join_number LIMIT $4",
                           SQL_ARGS(sql_int(list_id), sql_int(role), sql_int(after), sql_int(limit)), &rows, error);
  if (res != RES_OK)
    return res;
  g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func(free_member);
  while ((res = rows_next(rows, error)) == RES_OK)
    g_ptr_array_add(made, member_of_row(rows));
  if (res != RES_MORE)
    return res;
  *members = g_steal_pointer(&made);
  return RES_OK;
}

/* --- preferences --- */

static const char *const moderation_names[] = { "hold", "reject", "discard", "accept", "defer", NULL };
static const char *const flag_names[] = { "false", "true", NULL };

/* Preferences that are numbers; "default" gives NULL where there is a default to fall back on. */
static const struct preference {
  const char *name, *sql;
  const char *const *values;
  bool has_default;
} preferences[] = {
  { "delivery_mode", "UPDATE member SET mode = $2 WHERE id = $1", mode_names, .has_default = false },
  { "delivery_status", "UPDATE member SET status = $2 WHERE id = $1", status_names, .has_default = false },
  { "moderation_action", "UPDATE member SET moderation = $2 WHERE id = $1", moderation_names, .has_default = true },
  { "receive_own_postings", "UPDATE member SET receive_own = $2 WHERE id = $1", flag_names, .has_default = true },
  { "receive_list_copy", "UPDATE member SET receive_copy = $2 WHERE id = $1", flag_names, .has_default = true },
};

static enum res
refuse_preference(const struct preference *preference, const char *value, GError **error)
{
  g_autofree char *names = g_strjoinv(", ", (char **)preference->values);
  return refuse(error, REPLY_SYNTAX, "%s cannot be \"%.200s\": it is one of %s%s", preference->name, value, names, preference->has_default ? ", default" : "");
}

static enum res
set_preference(struct tx *tx, int64_t id, const struct preference *preference, const char *value, GError **error)
{
  bool fallback = preference->has_default && g_ascii_strcasecmp(value, "default") == 0;
  int number = position(preference->values, value);
  if (number < 0 && !fallback)
    return refuse_preference(preference, value, error);
  return sql_run(tx, preference->sql, SQL_ARGS(sql_int(id), fallback ? sql_null() : sql_int(number)), error);
}

static enum res
set_display_name(struct tx *tx, int64_t id, const char *value, GError **error)
{
  if (!member_is_name(value))
    return refuse(error, REPLY_SYNTAX, "display_name is one line of UTF-8 of at most %d octets", MEMBER_NAME_MAX);
  return sql_run(tx, "UPDATE address SET name = $2 WHERE id = (SELECT address_id FROM member WHERE id = $1)", SQL_ARGS(sql_int(id), sql_text(value)), error);
}

enum res
member_set(struct tx *tx, int64_t id, const char *name, const char *value, GError **error)
{
  const struct preference *preference = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS(preferences) && !preference; i++)
    if (g_str_equal(preferences[i].name, name))
      preference = &preferences[i];
  enum res res;
  if (preference)
    res = set_preference(tx, id, preference, value, error);
  else if (g_str_equal(name, "display_name"))
    res = set_display_name(tx, id, value, error);
  else
    return refuse(error, REPLY_SYNTAX,
                  "there is no preference \"%.200s\"; they are delivery_mode, delivery_status, moderation_action, receive_own_postings, receive_list_copy "
                  "and display_name",
                  name);
  return res == RES_OK && !sql_changes(tx) ? RES_MORE : res;
}
