#include "list/list.h"
#include "base/log.h"
#include "envelope/address.h"
#include "envelope/role.h"
#include "list/list_row.h"

/* --- snapshots --- */

struct list *
list_new(const char *local, const char *domain, const char *style)
{
  size_t local_n = strlen(local), domain_n = strlen(domain), posting_n = local_n + 1 + domain_n;
  struct list *list = g_malloc0(sizeof *list + local_n + 1 + 2 * (posting_n + 1));
  char *posting = list->names + local_n + 1, *list_id = posting + posting_n + 1;
  memcpy(list->names, local, local_n + 1);
  g_snprintf(posting, (gulong)posting_n + 1, "%s@%s", local, domain);
  g_snprintf(list_id, (gulong)posting_n + 1, "%s.%s", local, domain);

  atomic_init(&list->references, 1);
  list->local = list->names;
  list->posting = posting;
  list->domain = posting + local_n + 1;
  list->list_id = list_id;
  list->style = style_find(style);
  if (!list->style) {
    log_alarm("list has an unknown style", log_str("list", posting), log_str("style", style));
    list->style = style_nth(0);
  }
  enum res res = settings_init(&list->settings, list->style, NULL);
  g_assert(res == RES_OK);
  return list;
}

struct list *
list_ref(struct list *list)
{
  atomic_fetch_add_explicit(&list->references, 1, memory_order_relaxed);
  return list;
}

void
list_unref(struct list *list)
{
  if (!list || atomic_fetch_sub_explicit(&list->references, 1, memory_order_acq_rel) > 1)
    return;
  settings_clear(&list->settings);
  g_free(list);
}

char *
list_role_address(const struct list *list, const char *suffix)
{
  return g_strconcat(list->local, *suffix ? "-" : "", suffix, "@", list->domain, NULL);
}

bool
list_owns_address(const char *local, const char *domain, const char *key)
{
  const char *at = strrchr(key, '@');
  if (!at || !g_str_equal(at + 1, domain))
    return false;
  struct role_reading readings[ROLE_READINGS_MAX];
  size_t n = role_read((struct slice){ key, (size_t)(at - key) }, readings);
  for (size_t i = 0; i < n; i++)
    if (slice_equal(readings[i].list, slice_of(local)))
      return true;
  return false;
}

/* --- loading --- */

static void
take_list(struct list *list, bool removed, void *arg)
{
  struct list **into = arg;
  list_unref(*into);
  *into = removed ? NULL : list;
  if (removed)
    list_unref(list);
}

static enum res
found(enum res res, struct list *loaded, struct list **list)
{
  if (res != RES_OK)
    list_unref(loaded);
  else if (!loaded)
    return RES_MORE;
  else
    *list = loaded;
  return res;
}

enum res
list_load_id(struct tx *tx, int64_t id, struct list **list, GError **error)
{
  struct list *loaded = NULL;
  enum res res = list_row_each(tx, LIST_ROWS "WHERE l.id = $1 AND l.removed_at IS NULL ORDER BY l.id", SQL_ARGS(sql_int(id)), take_list, &loaded, error);
  return found(res, loaded, list);
}

static enum res
load_name(struct tx *tx, struct slice local, struct slice domain, struct list **list, GError **error)
{
  struct list *loaded = NULL;
  enum res res = list_row_each(tx, LIST_ROWS "WHERE d.name = $1 AND d.removed_at IS NULL AND l.local = $2 AND l.removed_at IS NULL ORDER BY l.id",
                               SQL_ARGS(sql_text_slice(domain), sql_text_slice(local)), take_list, &loaded, error);
  return found(res, loaded, list);
}

enum res
list_load(struct tx *tx, const char *name, struct list **list, GError **error)
{
  g_autofree char *key = address_key_of(slice_of(name));
  if (key) {
    struct slice text = slice_of(key), local = slice_head(text, (size_t)(strrchr(key, '@') - key));
    return load_name(tx, local, slice_skip(text, local.n + 1), list, error);
  }

  /* A list-id does not say where its local part ends. */
  g_autofree char *id = g_utf8_validate(name, -1, NULL) && strlen(name) <= ADDRESS_MAX ? g_utf8_strdown(name, -1) : g_strdup("");
  for (const char *dot = strchr(id, '.'); dot; dot = strchr(dot + 1, '.')) {
    enum res res = load_name(tx, (struct slice){ id, (size_t)(dot - id) }, slice_of(dot + 1), list, error);
    if (res != RES_MORE)
      return res;
  }
  return RES_MORE;
}

static gint
compare_texts(gconstpointer a, gconstpointer b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

enum res
list_names(struct tx *tx, const char *domain, GPtrArray **names, GError **error)
{
  g_autofree char *key = domain ? address_domain_key(slice_of(domain)) : NULL;
  if (domain && !key)
    return refuse(error, REPLY_SYNTAX, "\"%s\" is no domain name", domain);
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "SELECT l.local, d.name FROM list l JOIN domain d ON d.id = l.domain_id "
                           "WHERE l.removed_at IS NULL AND ($1 = '' OR d.name = $1)",
                           SQL_ARGS(sql_text(key ? key : "")), &rows, error);
  if (res != RES_OK)
    return res;

  g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func(g_free);
  while ((res = rows_next(rows, error)) == RES_OK)
    g_ptr_array_add(made, g_strconcat(row_text(rows, 0), "@", row_text(rows, 1), NULL));
  if (res != RES_MORE)
    return res;
  g_ptr_array_sort(made, compare_texts);
  *names = g_steal_pointer(&made);
  return RES_OK;
}

/* --- changes of a list's row --- */

enum res
list_touch(struct tx *tx, int64_t id, GError **error)
{
  int64_t generation;
  enum res res = sql_int_of(tx, "UPDATE meta SET number = number + 1 WHERE name = 'list_generation' RETURNING number", SQL_NO_ARGS, &generation, error);
  if (res != RES_OK)
    return res == RES_MORE ? trouble(error, REPLY_TROUBLE, "the database lacks list_generation") : res;
  return sql_run(tx, "UPDATE list SET generation = $2 WHERE id = $1", SQL_ARGS(sql_int(id), sql_int(generation)), error);
}

enum res
list_next_number(struct tx *tx, int64_t id, int64_t now, int64_t *number, int64_t *last_join, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "UPDATE list SET next_number = next_number + 1, last_post_at = $2 WHERE id = $1 AND removed_at IS NULL "
                           "RETURNING next_number - 1, next_join - 1",
                           SQL_ARGS(sql_int(id), sql_int(now)), &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res == RES_MORE)
    return refuse(error, REPLY_UNKNOWN_LIST, "list %" G_GINT64_FORMAT " is no more", id);
  if (res != RES_OK)
    return res;
  *number = row_int(rows, 0);
  *last_join = row_int(rows, 1);
  return RES_OK;
}
