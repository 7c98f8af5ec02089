#include "courier/shape_choice.h"
#include "base/log.h"
#include "base/quantity.h"
#include "envelope/address.h"

char **
shape_choice_domains(char *const *typed)
{
  g_autoptr(GStrvBuilder) keys = g_strv_builder_new();
  for (char *const *domain = typed; domain && *domain; domain++) {
    g_autofree char *key = address_domain_key(slice_of(*domain));
    if (key)
      g_strv_builder_add(keys, key);
    else
      log_warn("no domain name: nobody gets copies of their own for it", log_str("personal_domains", *domain));
  }
  return g_strv_builder_end(keys);
}

/* When what a member bounced before counts no more. */
static enum res
load_bounced_since(struct tx *tx, int64_t now, struct shape_choice *choice, GError **error)
{
  g_autofree char *stored = NULL;
  int64_t stale_after = 0;
  enum res res = list_get(tx, choice->list_id, setting_find("bounce_info_stale_after"), &stored, error);
  if (res == RES_OK && quantity_time(stored, &stale_after))
    choice->bounced_since = now - stale_after;
  return res;
}

enum res
shape_choice_load(struct tx *tx, int64_t list_id, char *const *domains, int64_t now, struct shape_choice *choice, GError **error)
{
  *choice = (struct shape_choice){ .list_id = list_id, .domains = domains, .all = SHAPE_BATCH };
  enum res res = list_load_id(tx, list_id, &choice->list, error);
  if (res != RES_OK)
    return res == RES_MORE ? RES_OK : res;
  const struct settings *settings = &choice->list->settings;
  if (settings->personalize != PERSONALIZE_NONE || settings->personal == PERSONAL_ALWAYS)
    choice->all = SHAPE_PERSONAL;
  else if (settings->personal == PERSONAL_AUTO) {
    choice->by_member = true;
    choice->bounced = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    res = load_bounced_since(tx, now, choice, error);
  }
  return res;
}

void
shape_choice_clear(struct shape_choice *choice)
{
  g_clear_pointer(&choice->list, list_unref);
  g_clear_pointer(&choice->bounced, g_hash_table_unref);
}

enum res
shape_choice_look(struct tx *tx, struct shape_choice *choice, int64_t after, int64_t last, GError **error)
{
  if (!choice->by_member)
    return RES_OK;
  g_hash_table_remove_all(choice->bounced);
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "SELECT member.id FROM member WHERE member.list_id = $1 AND member.role = 0 AND member.join_number > $2 "
                           "AND member.join_number <= $3 AND member.left_at IS NULL "
                           "AND EXISTS (SELECT 1 FROM bounce WHERE bounce.member_id = member.id AND bounce.at >= $4)",
                           SQL_ARGS(sql_int(choice->list_id), sql_int(after), sql_int(last), sql_int(choice->bounced_since)), &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK) {
    int64_t id = row_int(rows, 0);
    g_hash_table_add(choice->bounced, g_memdup2(&id, sizeof id));
  }
  return res == RES_MORE ? RES_OK : res;
}

enum shape
shape_choice_of(const struct shape_choice *choice, int64_t member_id, const char *key)
{
  if (!choice->by_member)
    return choice->all;
  const char *at = strrchr(key, '@');
  if (at && choice->domains && g_strv_contains((const char *const *)choice->domains, at + 1))
    return SHAPE_PERSONAL;
  return g_hash_table_contains(choice->bounced, &member_id) ? SHAPE_PERSONAL : SHAPE_BATCH;
}
