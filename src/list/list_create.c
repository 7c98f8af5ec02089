/* Making and removing lists. */
#include "envelope/address.h"
#include "envelope/role.h"
#include "list/domain.h"
#include "list/list.h"

/* Octets of a list's local part: with "-bounces+TAG" behind it, our envelope senders stay within the 64 of RFC 5321 4.5.3.1.1 where that can be. */
#define LOCAL_MAX 50

/* The folded parts of a posting address as typed. `local` and `domain` are owned by the caller. */
static enum res
split_name(const char *text, char **local, char **domain, GError **error)
{
  g_autofree char *key = address_key_of(slice_of(text));
  const char *at = key ? strrchr(key, '@') : NULL;
  if (!at)
    return refuse(error, REPLY_BAD_ADDRESS, "\"%.200s\" is no address", text);
  if (at[1] == '[')
    return refuse(error, REPLY_BAD_ADDRESS, "\"%s\": a list needs a domain, not an address literal", key);
  *local = g_strndup(key, (gsize)(at - key));
  *domain = g_strdup(at + 1);
  return RES_OK;
}

/* Letters and digits of any script with their marks, and [-_.] between them. */
static bool
is_name_char(gunichar c, bool first)
{
  if (c < 0x80)
    return g_ascii_isalnum((char)c) || (!first && strchr("-_.", (int)c));
  return g_unichar_isalnum(c) || (!first && g_unichar_ismark(c));
}

static enum res
check_characters(const char *local, GError **error)
{
  size_t n = strlen(local);
  if (n > LOCAL_MAX)
    return refuse(error, REPLY_BAD_ADDRESS, "the name \"%s\" has %zu octets: a list's may have %d", local, n, LOCAL_MAX);
  for (const char *p = local; *p; p = g_utf8_next_char(p))
    if (!is_name_char(g_utf8_get_char(p), p == local))
      return refuse(error, REPLY_BAD_ADDRESS, "the name \"%s\" has characters that a list's may not have: letters, digits and -_. are allowed, the first is a letter or digit", local);
  if (role_is_reserved(slice_of(local)))
    return refuse(error, REPLY_BAD_ADDRESS, "\"%s\" is reserved: it is an address of the domain itself", local);
  return RES_OK;
}

/* RES_OK: there is such a list; RES_MORE: there is none. */
static enum res
exists(struct tx *tx, int64_t domain_id, struct slice local, GError **error)
{
  int64_t id;
  return sql_int_of(tx, "SELECT id FROM list WHERE domain_id = $1 AND local = $2 AND removed_at IS NULL",
                    SQL_ARGS(sql_int(domain_id), sql_text_slice(local)), &id, error);
}

/* The new name is no role address of another list. */
static enum res
check_is_no_role(struct tx *tx, int64_t domain_id, const char *local, GError **error)
{
  struct role_reading readings[ROLE_READINGS_MAX];
  size_t n = role_read(slice_of(local), readings);
  for (size_t i = 0; i < n; i++) {
    if (readings[i].role == ROLE_POST)
      continue;
    enum res res = exists(tx, domain_id, readings[i].list, error);
    if (res == RES_OK)
      return refuse(error, REPLY_BAD_ADDRESS, "\"%s\" is a role address of the list \"%.*s\" (--force makes the list anyway, and takes the address away)", local,
                    SLICE_FMT(readings[i].list));
    if (res != RES_MORE)
      return res;
  }
  return RES_OK;
}

/* No other list has the name of a role address of the new one. */
static enum res
check_roles_are_free(struct tx *tx, int64_t domain_id, const char *local, GError **error)
{
  const char *suffix;
  for (size_t i = 0; (suffix = role_suffix_nth(i)); i++) {
    g_autofree char *role = g_strconcat(local, "-", suffix, NULL);
    enum res res = exists(tx, domain_id, slice_of(role), error);
    if (res == RES_OK)
      return refuse(error, REPLY_BAD_ADDRESS, "the list \"%s\" has the name of a role address of \"%s\" (--force makes the list anyway, without that address)", role,
                    local);
    if (res != RES_MORE)
      return res;
  }
  return RES_OK;
}

static enum res
find_domain(struct tx *tx, const struct list_new *create, const char *name, int64_t *id, GError **error)
{
  enum res res = domain_find(tx, name, id, error);
  if (res != RES_MORE)
    return res;
  return create->make_domain ? domain_create(tx, name, NULL, NULL, create->now, id, error)
                             : refuse(error, REPLY_UNKNOWN_LIST, "there is no domain \"%s\"; `listward adddomain` makes it", name);
}

static enum res
check_name(struct tx *tx, const struct list_new *create, int64_t domain_id, const char *local, GError **error)
{
  enum res res = exists(tx, domain_id, slice_of(local), error);
  if (res == RES_OK)
    return refuse(error, REPLY_BAD_ADDRESS, "the list \"%s\" exists", create->name);
  if (res == RES_MORE)
    res = create->force ? RES_OK : check_is_no_role(tx, domain_id, local, error);
  if (res == RES_OK && !create->force)
    res = check_roles_are_free(tx, domain_id, local, error);
  return res;
}

static enum res
store_setting(struct tx *tx, int64_t id, const char *name, const char *value, GError **error)
{
  return sql_run(tx, "INSERT INTO list_setting (list_id, name, value) VALUES ($1, $2, $3)", SQL_ARGS(sql_int(id), sql_text(name), sql_text(value)), error);
}

/* What a style's default makes of the list's name: written down, since later changes of the one do not change the other. */
static enum res
store_names(struct tx *tx, int64_t id, const char *local, const char *style, GError **error)
{
  char first[8] = "";
  first[g_unichar_to_utf8(g_unichar_toupper(g_utf8_get_char(local)), first)] = '\0';
  g_autofree char *display_name = g_strconcat(first, g_utf8_next_char(local), NULL);
  enum res res = store_setting(tx, id, "display_name", display_name, error);
  if (res != RES_OK || !*style_subject_prefix(style))
    return res;

  g_auto(GStrv) around = g_strsplit(style_subject_prefix(style), "%s", 2);
  g_autofree char *prefix = g_strjoinv(display_name, around);
  return store_setting(tx, id, "subject_prefix", prefix, error);
}

enum res
list_create(struct tx *tx, const struct list_new *create, int64_t *id, GError **error)
{
  const char *style = style_find(create->style ? create->style : style_nth(0));
  if (!style)
    return refuse(error, REPLY_SYNTAX, "there is no style \"%s\"", create->style);
  g_autofree char *local = NULL;
  g_autofree char *domain = NULL;
  int64_t domain_id = 0;
  enum res res = split_name(create->name, &local, &domain, error);
  if (res == RES_OK)
    res = check_characters(local, error);
  if (res == RES_OK)
    res = find_domain(tx, create, domain, &domain_id, error);
  if (res == RES_OK)
    res = check_name(tx, create, domain_id, local, error);
  if (res != RES_OK)
    return res;

  int64_t made = 0;
  res = sql_int_of(tx, "INSERT INTO list (domain_id, local, style, generation, created_at) VALUES ($1, $2, $3, 0, $4) RETURNING id",
                   SQL_ARGS(sql_int(domain_id), sql_text(local), sql_text(style), sql_int(create->now)), &made, error);
  if (res == RES_OK)
    res = store_names(tx, made, local, style, error);
  if (res == RES_OK)
    res = list_touch(tx, made, error);
  if (res == RES_OK)
    *id = made;
  return res;
}

enum res
list_remove(struct tx *tx, int64_t id, int64_t now, GError **error)
{
  enum res res = sql_run(tx, "UPDATE list SET removed_at = $2 WHERE id = $1 AND removed_at IS NULL", SQL_ARGS(sql_int(id), sql_int(now)), error);
  if (res != RES_OK)
    return res;
  return sql_changes(tx) ? list_touch(tx, id, error) : refuse(error, REPLY_UNKNOWN_LIST, "there is no list %" G_GINT64_FORMAT, id);
}

enum res
list_sweep(struct tx *tx, int64_t id, int limit, int64_t now, GError **error)
{
  static const char *const statements[] = {
    "DELETE FROM list_setting WHERE list_id = $1 AND name IN (SELECT name FROM list_setting WHERE list_id = $1 LIMIT $2) AND $3 <> 0",
    "DELETE FROM ban WHERE id IN (SELECT id FROM ban WHERE list_id = $1 LIMIT $2) AND $3 <> 0",
    "UPDATE member SET left_at = $3 WHERE id IN (SELECT id FROM member WHERE list_id = $1 AND left_at IS NULL LIMIT $2)",
  };
  int64_t one;
  enum res res = sql_int_of(tx, "SELECT 1 FROM list WHERE id = $1 AND removed_at IS NOT NULL", SQL_ARGS(sql_int(id)), &one, error);
  int64_t changes = 0;
  for (size_t i = 0; res == RES_OK && i < G_N_ELEMENTS(statements); i++) {
    res = sql_run(tx, statements[i], SQL_ARGS(sql_int(id), sql_int(limit), sql_int(now)), error);
    changes += sql_changes(tx);
  }
  return res == RES_OK && !changes ? RES_MORE : res;
}
