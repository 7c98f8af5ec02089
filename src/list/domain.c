#include "list/domain.h"
#include "envelope/address.h"

void
domain_free(struct domain *domain)
{
  if (!domain)
    return;
  g_free(domain->name);
  g_free(domain->description);
  g_free(domain->alias);
  g_free(domain);
}

/* Tells running servers to read the domains anew, and the lists that have changed. */
static enum res
domains_touch(struct tx *tx, GError **error)
{
  enum res res = sql_run(tx,
                         "INSERT INTO meta (name, number) VALUES ('domain_generation', 1) "
                         "ON CONFLICT (name) DO UPDATE SET number = meta.number + 1",
                         SQL_NO_ARGS, error);
  if (res == RES_OK)
    res = sql_run(tx, "UPDATE meta SET number = number + 1 WHERE name = 'list_generation'", SQL_NO_ARGS, error);
  return res;
}

static enum res
fold(const char *name, char **key, GError **error)
{
  *key = address_domain_key(slice_of(name));
  return *key ? RES_OK : refuse(error, REPLY_BAD_ADDRESS, "\"%.200s\" is no domain name", name);
}

/* Neither a domain nor an alias has the name `key` yet. */
static enum res
check_free(struct tx *tx, const char *key, GError **error)
{
  g_autofree char *name = NULL;
  enum res res = sql_text_of(tx, "SELECT name FROM domain WHERE (name = $1 OR alias = $1) AND removed_at IS NULL LIMIT 1",
                             SQL_ARGS(sql_text(key)), &name, error);
  if (res != RES_OK)
    return res == RES_MORE ? RES_OK : res;
  return g_str_equal(name, key) ? refuse(error, REPLY_SYNTAX, "the domain %s exists", key)
                                : refuse(error, REPLY_SYNTAX, "%s is another name of the domain %s", key, name);
}

/* `*key` stays NULL for no alias. */
static enum res
fold_alias(struct tx *tx, const char *name, const char *alias, char **key, GError **error)
{
  if (!alias || !*alias)
    return RES_OK;
  enum res res = fold(alias, key, error);
  if (res != RES_OK)
    return res;
  return g_str_equal(name, *key) ? refuse(error, REPLY_SYNTAX, "%s cannot be an alias of itself", name) : check_free(tx, *key, error);
}

enum res
domain_create(struct tx *tx, const char *name, const char *description, const char *alias, int64_t now, int64_t *id, GError **error)
{
  g_autofree char *key = NULL;
  g_autofree char *alias_key = NULL;
  enum res res = fold(name, &key, error);
  if (res == RES_OK)
    res = check_free(tx, key, error);
  if (res == RES_OK)
    res = fold_alias(tx, key, alias, &alias_key, error);
  if (res == RES_OK && description && !g_utf8_validate(description, -1, NULL))
    res = refuse(error, REPLY_SYNTAX, "the description is not UTF-8");
  if (res != RES_OK)
    return res;

  res = sql_int_of(tx, "INSERT INTO domain (name, alias, description, created_at) VALUES ($1, $2, $3, $4) RETURNING id",
                   SQL_ARGS(sql_text(key), sql_text(alias_key ? alias_key : ""), sql_text(description ? description : ""), sql_int(now)), id, error);
  return res == RES_OK ? domains_touch(tx, error) : res;
}

enum res
domain_find(struct tx *tx, const char *name, int64_t *id, GError **error)
{
  g_autofree char *key = address_domain_key(slice_of(name));
  if (!key)
    return RES_MORE;
  return sql_int_of(tx, "SELECT id FROM domain WHERE name = $1 AND removed_at IS NULL", SQL_ARGS(sql_text(key)), id, error);
}

enum res
domain_remove(struct tx *tx, const char *name, int64_t now, GError **error)
{
  int64_t id, one;
  enum res res = domain_find(tx, name, &id, error);
  if (res != RES_OK)
    return res == RES_MORE ? refuse(error, REPLY_UNKNOWN_LIST, "there is no domain \"%.200s\"", name) : res;
  res = sql_int_of(tx, "SELECT 1 FROM list WHERE domain_id = $1 AND removed_at IS NULL LIMIT 1", SQL_ARGS(sql_int(id)), &one, error);
  if (res != RES_MORE)
    return res == RES_OK ? refuse(error, REPLY_SYNTAX, "the domain \"%s\" still has lists", name) : res;

  res = sql_run(tx, "UPDATE domain SET removed_at = $2 WHERE id = $1", SQL_ARGS(sql_int(id), sql_int(now)), error);
  return res == RES_OK ? domains_touch(tx, error) : res;
}

static struct domain *
domain_of_row(struct rows *rows)
{
  struct domain *domain = g_new(struct domain, 1);
  *domain = (struct domain){
    .id = row_int(rows, 0),
    .name = g_strdup(row_text(rows, 1)),
    .description = g_strdup(row_text(rows, 2)),
    .alias = g_strdup(row_text(rows, 3)),
    .lists = row_int(rows, 4),
  };
  return domain;
}

static void
free_domain(void *domain)
{
  domain_free(domain);
}

enum res
domain_alias(struct tx *tx, int64_t id, char **alias, GError **error)
{
  return sql_text_of(tx, "SELECT alias FROM domain WHERE id = $1 AND alias <> ''", SQL_ARGS(sql_int(id)), alias, error);
}

enum res
domain_list(struct tx *tx, GPtrArray **domains, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "SELECT d.id, d.name, d.description, d.alias, "
                           "(SELECT COUNT(*) FROM list l WHERE l.domain_id = d.id AND l.removed_at IS NULL) "
                           "FROM domain d WHERE d.removed_at IS NULL ORDER BY d.name",
                           SQL_NO_ARGS, &rows, error);
  if (res != RES_OK)
    return res;
  g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func(free_domain);
  while ((res = rows_next(rows, error)) == RES_OK)
    g_ptr_array_add(made, domain_of_row(rows));
  if (res != RES_MORE)
    return res;
  *domains = g_steal_pointer(&made);
  return RES_OK;
}
