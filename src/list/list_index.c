/* The index is two hash tables behind a lock that is held for a look-up or for putting in what has changed, never while the database is
 * read. A refresh reads the lists whose generation is above the last seen one, so that it costs what has changed, not what there is;
 * domains, which are few, are read all together when one of them has changed. */
#include "list/list_index.h"
#include "envelope/address.h"
#include "list/list_row.h"
#include <pthread.h>

struct list_index {
  struct store *store;
  pthread_mutex_t refreshing; /* one reads the database, the others wait for it; guards the three below */
  int64_t version;            /* of the store */
  int64_t generation, domain_generation;

  void (*changed)(void *ctx); /* NULL: nobody */
  void *changed_ctx;

  pthread_rwlock_t lock; /* guards the two below */
  GHashTable *lists;     /* posting address (the list's own) -> struct list */
  GHashTable *domains;   /* folded name or alias -> struct home */
};

/* Where the lists of a domain or alias are. */
struct home {
  int64_t domain_id;
  char domain[]; /* its name */
};

/* --- reading --- */

/* What a refresh has read. */
struct changes {
  int64_t seen_generation, seen_domain_generation; /* in */
  int64_t generation, domain_generation;           /* out */
  GPtrArray *lists, *gone;                         /* struct list */
  GHashTable *domains;                             /* NULL: unchanged */
};

static void
unref_list(void *list)
{
  list_unref(list);
}

static void
changes_reset(struct changes *changes)
{
  g_clear_pointer(&changes->lists, g_ptr_array_unref);
  g_clear_pointer(&changes->gone, g_ptr_array_unref);
  g_clear_pointer(&changes->domains, g_hash_table_unref);
}

static void
take_change(struct list *list, bool removed, void *arg)
{
  struct changes *changes = arg;
  g_ptr_array_add(removed ? changes->gone : changes->lists, list);
}

/* All lists there are, or those that changed, tombstones included. */
static enum res
read_lists(struct tx *tx, struct changes *changes, GError **error)
{
  if (changes->seen_generation < 0)
    return list_row_each(tx, LIST_ROWS "WHERE l.removed_at IS NULL ORDER BY l.id", SQL_NO_ARGS, take_change, changes, error);
  return list_row_each(tx, LIST_ROWS "WHERE l.generation > $1 ORDER BY l.generation", SQL_ARGS(sql_int(changes->seen_generation)), take_change, changes, error);
}

static void
add_home(GHashTable *domains, const char *name, int64_t id, const char *domain)
{
  size_t n = strlen(domain) + 1;
  struct home *home = g_malloc(sizeof *home + n);
  home->domain_id = id;
  memcpy(home->domain, domain, n);
  g_hash_table_replace(domains, g_strdup(name), home);
}

static enum res
read_domains(struct tx *tx, struct changes *changes, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT id, name, alias FROM domain WHERE removed_at IS NULL", SQL_NO_ARGS, &rows, error);
  if (res != RES_OK)
    return res;
  changes->domains = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  while ((res = rows_next(rows, error)) == RES_OK) {
    add_home(changes->domains, row_text(rows, 1), row_int(rows, 0), row_text(rows, 1));
    if (*row_text(rows, 2))
      add_home(changes->domains, row_text(rows, 2), row_int(rows, 0), row_text(rows, 1));
  }
  return res == RES_MORE ? RES_OK : res;
}

static enum res
read_generation(struct tx *tx, const char *name, int64_t *generation, GError **error)
{
  *generation = 0;
  enum res res = sql_int_of(tx, "SELECT number FROM meta WHERE name = $1", SQL_ARGS(sql_text(name)), generation, error);
  return res == RES_MORE ? RES_OK : res;
}

/* A store_fn: may run again, and begins anew then. */
static enum res
read_changes(struct tx *tx, void *arg, GError **error)
{
  struct changes *changes = arg;
  changes_reset(changes);
  enum res res = read_generation(tx, "list_generation", &changes->generation, error);
  if (res != RES_OK || changes->generation == changes->seen_generation)
    return res;

  changes->lists = g_ptr_array_new_with_free_func(unref_list);
  changes->gone = g_ptr_array_new_with_free_func(unref_list);
  res = read_generation(tx, "domain_generation", &changes->domain_generation, error);
  if (res == RES_OK && changes->domain_generation != changes->seen_domain_generation)
    res = read_domains(tx, changes, error);
  return res == RES_OK ? read_lists(tx, changes, error) : res;
}

/* --- refreshing --- */

static void
remove_list(GHashTable *lists, const struct list *gone)
{
  /* A new list may have the name already. */
  const struct list *list = g_hash_table_lookup(lists, gone->posting);
  if (list && list->id == gone->id)
    g_hash_table_remove(lists, gone->posting);
}

static void
apply(struct list_index *index, struct changes *changes)
{
  pthread_rwlock_wrlock(&index->lock);
  for (guint i = 0; i < changes->gone->len; i++)
    remove_list(index->lists, changes->gone->pdata[i]);
  for (guint i = 0; i < changes->lists->len; i++) {
    struct list *list = changes->lists->pdata[i];
    g_hash_table_replace(index->lists, (char *)list->posting, list_ref(list));
  }
  GHashTable *old = NULL;
  if (changes->domains) {
    old = index->domains;
    index->domains = g_steal_pointer(&changes->domains);
  }
  pthread_rwlock_unlock(&index->lock);
  g_clear_pointer(&old, g_hash_table_unref);
}

/* Under `refreshing`. */
static enum res
refresh(struct list_index *index, GError **error)
{
  /* Read before the lists: what is committed meanwhile is looked at next time. */
  int64_t version;
  enum res res = store_version(index->store, &version, error);
  if (res != RES_OK || version == index->version)
    return res;

  struct changes changes = { .seen_generation = index->generation, .seen_domain_generation = index->domain_generation };
  res = store_read(index->store, read_changes, &changes, error);
  if (res == RES_OK && changes.lists) {
    apply(index, &changes);
    index->generation = changes.generation;
    index->domain_generation = changes.domain_generation;
    if (index->changed)
      index->changed(index->changed_ctx);
  }
  if (res == RES_OK)
    index->version = version;
  changes_reset(&changes);
  return res;
}

enum res
list_index_refresh(struct list_index *index, GError **error)
{
  pthread_mutex_lock(&index->refreshing);
  enum res res = refresh(index, error);
  pthread_mutex_unlock(&index->refreshing);
  return res;
}

void
list_index_watch(struct list_index *index, void (*changed)(void *ctx), void *ctx)
{
  index->changed = changed;
  index->changed_ctx = ctx;
}

enum res
list_index_new(struct store *store, struct list_index **index, GError **error)
{
  struct list_index *made = g_new(struct list_index, 1);
  *made = (struct list_index){
    .store = store,
    .version = INT64_MIN,
    .generation = -1,
    .domain_generation = -1,
    .lists = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, unref_list),
    .domains = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
  };
  pthread_mutex_init(&made->refreshing, NULL);
  pthread_rwlock_init(&made->lock, NULL);
  enum res res = list_index_refresh(made, error);
  if (res == RES_OK)
    *index = made;
  else
    list_index_free(made);
  return res;
}

void
list_index_free(struct list_index *index)
{
  if (!index)
    return;
  g_hash_table_unref(index->lists);
  g_hash_table_unref(index->domains);
  pthread_rwlock_destroy(&index->lock);
  pthread_mutex_destroy(&index->refreshing);
  g_free(index);
}

/* --- looking up --- */

struct list *
list_index_find(struct list_index *index, const char *posting)
{
  pthread_rwlock_rdlock(&index->lock);
  struct list *list = g_hash_table_lookup(index->lists, posting);
  if (list)
    list_ref(list);
  pthread_rwlock_unlock(&index->lock);
  return list;
}

size_t
list_index_count(struct list_index *index)
{
  pthread_rwlock_rdlock(&index->lock);
  size_t n = g_hash_table_size(index->lists);
  pthread_rwlock_unlock(&index->lock);
  return n;
}

void
list_target_free(struct list_target *target)
{
  if (!target)
    return;
  list_unref(target->list);
  g_free(target->address);
  g_free(target->argument);
  g_free(target);
}

static struct list_target *
target_new(const struct role_reading *reading, struct list *list, int64_t domain_id, const char *address)
{
  struct list_target *target = g_new(struct list_target, 1);
  *target = (struct list_target){
    .role = reading->role,
    .list = list,
    .domain_id = domain_id,
    .address = g_strdup(address),
    .argument = slice_dup(reading->argument),
  };
  return target;
}

/* The domain's own name and id, if `domain` is it or its alias. False: not ours. `name` is owned by the caller. */
static bool
find_home(struct list_index *index, const char *domain, char **name, int64_t *domain_id)
{
  pthread_rwlock_rdlock(&index->lock);
  const struct home *home = g_hash_table_lookup(index->domains, domain);
  if (home) {
    *name = g_strdup(home->domain);
    *domain_id = home->domain_id;
  }
  pthread_rwlock_unlock(&index->lock);
  return home != NULL;
}

/* The first reading of `local` that means something in the domain, or NULL. */
static struct list_target *
resolve_local(struct list_index *index, const char *local, const char *domain, int64_t domain_id, const char *address)
{
  struct role_reading readings[ROLE_READINGS_MAX];
  size_t n = role_read(slice_of(local), readings);
  for (size_t i = 0; i < n; i++) {
    struct slice name = readings[i].list;
    if (!name.n)
      return target_new(&readings[i], NULL, domain_id, address);
    g_autofree char *posting = g_strdup_printf("%.*s@%s", SLICE_FMT(name), domain);
    struct list *list = list_index_find(index, posting);
    if (list)
      return target_new(&readings[i], list, domain_id, address);
  }
  return NULL;
}

/* The folded address with its local part dequoted, or NULL. */
static struct address *
fold(const char *text)
{
  g_autofree char *key = address_key_of(slice_of(text));
  struct address *address = NULL;
  return key && address_parse(slice_of(key), true, &address, NULL) == RES_OK ? address : NULL;
}

enum res
list_index_resolve(struct list_index *index, const char *address, struct list_target **target, GError **error)
{
  *target = NULL;
  if (g_ascii_strcasecmp(address, "postmaster") == 0) {
    *target = target_new(&(struct role_reading){ .role = ROLE_POSTMASTER }, NULL, 0, address);
    return RES_OK;
  }

  OWN(address) folded = fold(address);
  g_autofree char *domain = NULL;
  int64_t domain_id;
  if (folded && find_home(index, folded->domain, &domain, &domain_id))
    *target = resolve_local(index, folded->local, domain, domain_id, address);
  return *target ? RES_OK : refuse(error, REPLY_UNKNOWN_LIST, "no list or role \"%.254s\"", address);
}

bool
list_index_has_domain(struct list_index *index, const char *domain)
{
  g_autofree char *key = address_domain_key(slice_of(domain));
  pthread_rwlock_rdlock(&index->lock);
  bool has = key && g_hash_table_contains(index->domains, key);
  pthread_rwlock_unlock(&index->lock);
  return has;
}
