#include "list/list_index.h"
#include "list/domain.h"
#include "list/test_store.h"
#include <pthread.h>
#include <string.h>

#define NOW INT64_C(1700000000000000)

/* Two handles on one database: a server with the index, and a command beside it. */
struct pair {
  char *directory;
  struct store *server, *command;
  struct list_index *index;
};

static void
pair_open(struct pair *pair)
{
  pair->directory = scratch_new();
  pair->command = scratch_store(pair->directory, STORE_COMMAND);
  pair->server = scratch_store(pair->directory, STORE_SERVER);
}

static void
pair_index(struct pair *pair)
{
  g_autoptr(GError) error = NULL;
  enum res res = list_index_new(pair->server, &pair->index, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
}

static void
pair_close(struct pair *pair)
{
  list_index_free(pair->index);
  store_free(pair->server);
  store_free(pair->command);
  scratch_free(pair->directory);
}

static void
refresh(struct list_index *index)
{
  g_autoptr(GError) error = NULL;
  enum res res = list_index_refresh(index, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
}

/* --- store_fns --- */

static enum res
create(struct tx *tx, void *arg, GError **error)
{
  int64_t id;
  return list_create(tx, &(struct list_new){ .name = arg, .make_domain = true, .force = true, .now = NOW }, &id, error);
}

static enum res
remove_named(struct tx *tx, void *arg, GError **error)
{
  OWN(list) list = NULL;
  enum res res = list_load(tx, arg, &list, error);
  return res == RES_OK ? list_remove(tx, list->id, NOW, error) : res;
}

/* NAME SETTING VALUE */
static enum res
set(struct tx *tx, void *arg, GError **error)
{
  const char *const *words = arg;
  OWN(list) list = NULL;
  enum res res = list_load(tx, words[0], &list, error);
  return res == RES_OK ? list_set(tx, list->id, words[1], LIST_SET, words[2], error) : res;
}

/* NAME ALIAS */
static enum res
create_domain(struct tx *tx, void *arg, GError **error)
{
  const char *const *words = arg;
  int64_t id;
  return domain_create(tx, words[0], NULL, words[1], NOW, &id, error);
}

static enum res
remove_domain(struct tx *tx, void *arg, GError **error)
{
  return domain_remove(tx, arg, NOW, error);
}

/* Something that concerns no list. */
static enum res
write_else(struct tx *tx, void *arg G_GNUC_UNUSED, GError **error)
{
  return sql_run(tx, "INSERT INTO ban (list_id, pattern, created_at) VALUES (0, 'x@example.net', 0)", SQL_NO_ARGS, error);
}

/* --- resolving --- */

#define NOBODY "-" /* refused */

static const struct {
  const char *name, *address;
  enum role role;
  const char *list; /* posting address, NULL if the role has none */
  const char *argument;
} resolve_rows[] = {
  { .name = "posting address", .address = "ant@example.com", .role = ROLE_POST, .list = "ant@example.com" },
  { .name = "case", .address = "ANT@Example.COM", .role = ROLE_POST, .list = "ant@example.com" },
  { .name = "anything behind the plus", .address = "ant+some.tag@example.com", .role = ROLE_POST, .list = "ant@example.com" },
  { .name = "odd dots behind the plus", .address = "ant+a..b@example.com", .role = ROLE_POST, .list = "ant@example.com" },
  { .name = "plus and nothing", .address = "ant+@example.com", .role = ROLE_POST, .list = "ant@example.com" },
  { .name = "plus and a role", .address = "ant+x-owner@example.com", .role = ROLE_POST, .list = "ant@example.com" },
  { .name = "quoted", .address = "\"ant\"@example.com", .role = ROLE_POST, .list = "ant@example.com" },
  { .name = "-admin", .address = "ant-admin@example.com", .role = ROLE_OWNER, .list = "ant@example.com" },
  { .name = "-bounces", .address = "ant-bounces@example.com", .role = ROLE_BOUNCES, .list = "ant@example.com" },
  { .name = "-bounces with a tag", .address = "ant-bounces+tag42@example.com", .role = ROLE_BOUNCES, .list = "ant@example.com", .argument = "tag42" },
  { .name = "-bounces by XVERP", .address = "Ant-Bounces+Tag+bob=Example.net@example.com", .role = ROLE_BOUNCES, .list = "ant@example.com",
    .argument = "tag+bob=example.net" },
  { .name = "-confirm", .address = "ant-confirm+abc@example.com", .role = ROLE_CONFIRM, .list = "ant@example.com", .argument = "abc" },
  { .name = "-join", .address = "ant-join@example.com", .role = ROLE_JOIN, .list = "ant@example.com" },
  { .name = "-subscribe", .address = "ant-subscribe@example.com", .role = ROLE_JOIN, .list = "ant@example.com" },
  { .name = "-leave", .address = "ant-leave@example.com", .role = ROLE_LEAVE, .list = "ant@example.com" },
  { .name = "-unsubscribe", .address = "ant-unsubscribe@example.com", .role = ROLE_LEAVE, .list = "ant@example.com" },
  { .name = "-request, argument ignored", .address = "ant-REQUEST+x@example.com", .role = ROLE_REQUEST, .list = "ant@example.com" },
  { .name = "-owner", .address = "ant-owner@example.com", .role = ROLE_OWNER, .list = "ant@example.com" },
  { .name = "a list named so wins", .address = "bee-owner@example.com", .role = ROLE_POST, .list = "bee-owner@example.com" },
  { .name = "its own role", .address = "bee-owner-owner@example.com", .role = ROLE_OWNER, .list = "bee-owner@example.com" },
  { .name = "the other list's other role", .address = "bee-admin@example.com", .role = ROLE_OWNER, .list = "bee@example.com" },
  { .name = "same name in another domain", .address = "ant@other.example", .role = ROLE_POST, .list = "ant@other.example" },
  { .name = "alias domain", .address = "ant-owner@ALIAS.example", .role = ROLE_OWNER, .list = "ant@other.example" },
  { .name = "IDN as U-label", .address = "ant@B\303\274cher.example", .role = ROLE_POST, .list = "ant@xn--bcher-kva.example" },
  { .name = "IDN as A-label", .address = "ant@XN--bcher-kva.example", .role = ROLE_POST, .list = "ant@xn--bcher-kva.example" },
  { .name = "UTF-8 local part", .address = "\303\204meise-join@example.com", .role = ROLE_JOIN, .list = "\303\244meise@example.com" },
  { .name = "decomposed", .address = "a\314\210meise@example.com", .role = ROLE_POST, .list = "\303\244meise@example.com" },
  { .name = "postmaster", .address = "Postmaster@example.com", .role = ROLE_POSTMASTER },
  { .name = "postmaster of nowhere", .address = "PostMaster", .role = ROLE_POSTMASTER },
  { .name = "abuse of the alias", .address = "abuse@alias.example", .role = ROLE_POSTMASTER },
  { .name = "mailer-daemon", .address = "MAILER-DAEMON@example.com", .role = ROLE_NOREPLY },
  { .name = "noreply", .address = "noreply@other.example", .role = ROLE_NOREPLY },
  { .name = "postmaster elsewhere", .address = "postmaster@third.example", .list = NOBODY },
  { .name = "unknown list", .address = "cat@example.com", .list = NOBODY },
  { .name = "role of an unknown list", .address = "cat-owner@example.com", .list = NOBODY },
  { .name = "unknown role", .address = "ant-fans@example.com", .list = NOBODY },
  { .name = "list of the other domain", .address = "bee@other.example", .list = NOBODY },
  { .name = "unknown domain", .address = "ant@third.example", .list = NOBODY },
  { .name = "removed list", .address = "gone@example.com", .list = NOBODY },
  { .name = "domain alone", .address = "@example.com", .list = NOBODY },
  { .name = "no domain", .address = "ant", .list = NOBODY },
  { .name = "literal", .address = "ant@[192.0.2.1]", .list = NOBODY },
  { .name = "empty", .address = "", .list = NOBODY },
  { .name = "Latin-1", .address = "\344meise@example.com", .list = NOBODY },
};

static void
check_target(const struct list_target *target, size_t row)
{
  g_assert_cmpint(target->role, ==, resolve_rows[row].role);
  g_assert_cmpstr(target->list ? target->list->posting : NULL, ==, resolve_rows[row].list);
  g_assert_cmpstr(target->address, ==, resolve_rows[row].address);
  g_assert_cmpstr(target->argument, ==, resolve_rows[row].argument ? resolve_rows[row].argument : "");
  g_assert_cmpint(target->domain_id > 0, ==, strchr(target->address, '@') != NULL);
  if (target->list)
    g_assert_cmpint(target->domain_id, ==, target->list->domain_id);
}

static void
test_resolve(void)
{
  struct pair pair;
  pair_open(&pair);
  must_write(pair.command, create_domain, (const char *[]){ "other.example", "alias.example" });
  static const char *const lists[] = {
    "ant@example.com", "bee@example.com", "bee-owner@example.com", "ant@other.example", "ant@b\303\274cher.example", "\303\244meise@example.com", "gone@example.com",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
    must_write(pair.command, create, (void *)lists[i]);
  must_write(pair.command, remove_named, (void *)"gone@example.com");
  pair_index(&pair);
  g_assert_cmpuint(list_index_count(pair.index), ==, G_N_ELEMENTS(lists) - 1);

  for (size_t i = 0; i < G_N_ELEMENTS(resolve_rows); i++) {
    g_test_message("%s", resolve_rows[i].name);
    OWN(list_target) target = NULL;
    g_autoptr(GError) error = NULL;
    bool refused = resolve_rows[i].list && g_str_equal(resolve_rows[i].list, NOBODY);
    enum res res = list_index_resolve(pair.index, resolve_rows[i].address, &target, &error);
    g_assert_cmpint(res, ==, refused ? RES_BAD : RES_OK);
    if (refused)
      g_assert_cmpint((int)error_reply(error, REPLY_COUNT), ==, REPLY_UNKNOWN_LIST);
    else
      check_target(target, i);
  }
  pair_close(&pair);
}

/* --- refreshing --- */

static bool
knows(struct list_index *index, const char *posting)
{
  OWN(list) list = list_index_find(index, posting);
  return list != NULL;
}

static void
test_refresh(void)
{
  struct pair pair;
  pair_open(&pair);
  pair_index(&pair);
  g_assert_cmpuint(list_index_count(pair.index), ==, 0);
  must_write(pair.command, create, (void *)"ant@example.com");
  g_assert_false(knows(pair.index, "ant@example.com"));
  refresh(pair.index);
  OWN(list) old = list_index_find(pair.index, "ant@example.com");
  g_assert_nonnull(old);

  /* What somebody still holds does not change. */
  must_write(pair.command, set, (const char *[]){ "ant@example.com", "subject_prefix", "[Ant] " });
  must_write(pair.command, create, (void *)"bee@example.com");
  refresh(pair.index);
  OWN(list) new = list_index_find(pair.index, "ant@example.com");
  g_assert_cmpstr(new->settings.subject_prefix, ==, "[Ant] ");
  g_assert_cmpstr(old->settings.subject_prefix, ==, "");
  g_assert_cmpint(new->id, ==, old->id);
  g_assert_true(knows(pair.index, "bee@example.com"));

  must_write(pair.command, remove_named, (void *)"ant@example.com");
  refresh(pair.index);
  g_assert_false(knows(pair.index, "ant@example.com"));
  g_assert_cmpuint(list_index_count(pair.index), ==, 1);
  g_assert_cmpstr(new->settings.subject_prefix, ==, "[Ant] ");

  /* Made, removed and made again between two looks. */
  must_write(pair.command, create, (void *)"ant@example.com");
  must_write(pair.command, remove_named, (void *)"ant@example.com");
  must_write(pair.command, create, (void *)"ant@example.com");
  refresh(pair.index);
  OWN(list) again = list_index_find(pair.index, "ant@example.com");
  g_assert_cmpint(again->id, ==, old->id + 3);
  pair_close(&pair);
}

/* A list that nothing touched keeps its snapshot. */
static void
test_refresh_only_changed(void)
{
  struct pair pair;
  pair_open(&pair);
  must_write(pair.command, create, (void *)"ant@example.com");
  must_write(pair.command, create, (void *)"bee@example.com");
  pair_index(&pair);
  OWN(list) ant = list_index_find(pair.index, "ant@example.com");
  OWN(list) bee = list_index_find(pair.index, "bee@example.com");
  must_write(pair.command, write_else, NULL);
  refresh(pair.index);
  must_write(pair.command, set, (const char *[]){ "bee@example.com", "emergency", "yes" });
  refresh(pair.index);
  OWN(list) ant_now = list_index_find(pair.index, "ant@example.com");
  OWN(list) bee_now = list_index_find(pair.index, "bee@example.com");
  g_assert_true(ant_now == ant);
  g_assert_true(bee_now != bee);
  g_assert_cmpint(bee_now->settings.emergency, ==, 1);
  pair_close(&pair);
}

/* The server's own writes are seen like a command's. */
static void
test_refresh_own_write(void)
{
  struct pair pair;
  pair_open(&pair);
  pair_index(&pair);
  must_write(pair.server, create, (void *)"ant@example.com");
  refresh(pair.index);
  g_assert_true(knows(pair.index, "ant@example.com"));
  pair_close(&pair);
}

static bool
takes_postmaster(struct list_index *index, const char *address)
{
  OWN(list_target) target = NULL;
  return list_index_resolve(index, address, &target, NULL) == RES_OK;
}

static void
test_refresh_domains(void)
{
  struct pair pair;
  pair_open(&pair);
  pair_index(&pair);
  g_assert_false(takes_postmaster(pair.index, "postmaster@example.com"));
  must_write(pair.command, create_domain, (const char *[]){ "example.com", "example.org" });
  refresh(pair.index);
  g_assert_true(takes_postmaster(pair.index, "postmaster@example.com"));
  g_assert_true(takes_postmaster(pair.index, "postmaster@example.org"));
  must_write(pair.command, remove_domain, (void *)"example.com");
  refresh(pair.index);
  g_assert_false(takes_postmaster(pair.index, "postmaster@example.com"));
  g_assert_false(takes_postmaster(pair.index, "postmaster@example.org"));
  pair_close(&pair);
}

/* --- many threads --- */

#define THREADS 4
#define TURNS 100

/* Whatever a thread has seen committed, its refresh must find; and snapshots are whole. */
struct racer {
  struct list_index *index;
  _Atomic int *committed;
};

static void *
race(void *arg)
{
  const struct racer *racer = arg;
  for (int seen = 0; seen < TURNS;) {
    seen = atomic_load(racer->committed);
    refresh(racer->index);
    OWN(list_target) target = NULL;
    g_assert_cmpint(list_index_resolve(racer->index, "ant-bounces+x@example.com", &target, NULL), ==, RES_OK);
    g_assert_cmpint(target->list->settings.max_held, >=, seen);
    g_autofree char *held = g_strdup_printf("%" G_GINT64_FORMAT, target->list->settings.max_held);
    if (seen)
      g_assert_cmpstr(target->list->settings.description, ==, held);
  }
  return NULL;
}

static enum res
set_both(struct tx *tx, void *arg, GError **error)
{
  g_autofree char *number = g_strdup_printf("%d", *(int *)arg);
  enum res res = set(tx, (const char *[]){ "ant@example.com", "max_held", number }, error);
  return res == RES_OK ? set(tx, (const char *[]){ "ant@example.com", "description", number }, error) : res;
}

static void
test_threads(void)
{
  struct pair pair;
  pair_open(&pair);
  must_write(pair.command, create, (void *)"ant@example.com");
  must_write(pair.command, set, (const char *[]){ "ant@example.com", "max_held", "0" });
  pair_index(&pair);
  _Atomic int committed = 0;
  struct racer racer = { pair.index, &committed };
  pthread_t threads[THREADS];
  for (size_t i = 0; i < THREADS; i++)
    g_assert_cmpint(pthread_create(&threads[i], NULL, race, &racer), ==, 0);
  for (int turn = 1; turn <= TURNS; turn++) {
    must_write(pair.command, set_both, &turn);
    atomic_store(&committed, turn);
  }
  for (size_t i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  pair_close(&pair);
}

/* --- many lists --- */

#define MANY 3000

static enum res
create_many(struct tx *tx, void *arg, GError **error)
{
  enum res res = RES_OK;
  for (guint i = 0; res == RES_OK && i < *(guint *)arg; i++) {
    int64_t id;
    g_autofree char *name = g_strdup_printf("list%u@d%u.example", i, i % 10);
    res = list_create(tx, &(struct list_new){ .name = name, .make_domain = true, .now = NOW }, &id, error);
  }
  return res;
}

/* LISTWARD_LISTS=100000 tells what that many cost. */
static void
test_many(void)
{
  struct pair pair;
  pair_open(&pair);
  const char *wanted = g_getenv("LISTWARD_LISTS");
  guint lists = wanted ? (guint)atoi(wanted) : MANY;
  must_write(pair.command, create_many, &lists);
  g_test_timer_start();
  pair_index(&pair);
  g_test_message("%u lists read in %.3f s", lists, g_test_timer_elapsed());
  g_assert_cmpuint(list_index_count(pair.index), ==, lists);
  g_assert_true(knows(pair.index, "list2999@d9.example"));
  must_write(pair.command, set, (const char *[]){ "list17@d7.example", "emergency", "on" });
  g_test_timer_start();
  refresh(pair.index);
  g_test_message("one change taken in in %.6f s", g_test_timer_elapsed());
  OWN(list) list = list_index_find(pair.index, "list17@d7.example");
  g_assert_cmpint(list->settings.emergency, ==, 1);
  pair_close(&pair);
}

static void
count_call(void *ctx)
{
  ++*(int *)ctx;
}

/* Told of lists and domains that came, changed or went; of nothing else. */
static void
test_watch(void)
{
  struct pair pair;
  int calls = 0;
  pair_open(&pair);
  pair_index(&pair);
  list_index_watch(pair.index, count_call, &calls);
  refresh(pair.index);
  g_assert_cmpint(calls, ==, 0);
  must_write(pair.command, create, (char *)"ant@example.com");
  g_assert_cmpint(calls, ==, 0);
  refresh(pair.index);
  g_assert_cmpint(calls, ==, 1);
  refresh(pair.index);
  g_assert_cmpint(calls, ==, 1);
  pair_close(&pair);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/list-index/resolve", test_resolve);
  g_test_add_func("/list-index/refresh", test_refresh);
  g_test_add_func("/list-index/refresh-only-changed", test_refresh_only_changed);
  g_test_add_func("/list-index/refresh-own-write", test_refresh_own_write);
  g_test_add_func("/list-index/refresh-domains", test_refresh_domains);
  g_test_add_func("/list-index/threads", test_threads);
  g_test_add_func("/list-index/many", test_many);
  g_test_add_func("/list-index/watch", test_watch);
  return g_test_run();
}
