#include "list/list_locals.h"
#include "list/domain.h"
#include "list/list.h"
#include "list/test_store.h"
#include <string.h>

#define NOW INT64_C(1700000000000000)

static void
must(enum res res, GError *error)
{
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
}

static int64_t
create(struct tx *tx, const char *name)
{
  g_autoptr(GError) error = NULL;
  int64_t id;
  enum res res = list_create(tx, &(struct list_new){ .name = name, .make_domain = true, .now = NOW }, &id, &error);
  must(res, error);
  return id;
}

static int64_t
find_domain(struct tx *tx, const char *name)
{
  g_autoptr(GError) error = NULL;
  int64_t id;
  must(domain_find(tx, name, &id, &error), error);
  return id;
}

static enum res
append(void *ctx, const char *local, GError **error)
{
  g_string_append_printf(ctx, "%s ", local);
  return strcmp(local, "stop") == 0 ? trouble(error, REPLY_TROUBLE, "stopped") : RES_OK;
}

static enum res
test_each(struct tx *tx, void *arg, GError **error)
{
  (void)arg;
  g_autoptr(GString) all = g_string_new(NULL);
  g_autoptr(GError) problem = NULL;
  create(tx, "cow@a.example");
  int64_t gone = create(tx, "bat@a.example");
  create(tx, "ant@a.example");
  create(tx, "ant-eater@a.example");
  create(tx, "dog@b.example");
  must(list_remove(tx, gone, NOW, error), *error);
  must(list_locals_each(tx, find_domain(tx, "a.example"), append, all, error), *error);
  g_assert_cmpstr(all->str, ==, "ant ant-eater cow ");
  create(tx, "stop@a.example");
  create(tx, "zebra@a.example");
  g_assert_cmpint(list_locals_each(tx, find_domain(tx, "a.example"), append, all, &problem), ==, RES_TEMP);
  g_assert_cmpstr(all->str, ==, "ant ant-eater cow ant ant-eater cow stop ");
  return RES_OK;
}

static enum res
test_find(struct tx *tx, void *arg, GError **error)
{
  (void)arg;
  int64_t gone = create(tx, "bat@a.example"), domain = find_domain(tx, "a.example");
  create(tx, "dog@b.example");
  g_assert_cmpint(list_locals_find(tx, domain, SLICE("bat"), error), ==, RES_OK);
  g_assert_cmpint(list_locals_find(tx, domain, SLICE("dog"), error), ==, RES_MORE);
  must(list_remove(tx, gone, NOW, error), *error);
  g_assert_cmpint(list_locals_find(tx, domain, SLICE("bat"), error), ==, RES_MORE);
  return RES_OK;
}

static bool
has_changed(struct tx *tx, struct list_locals_mark *mark)
{
  g_autoptr(GError) error = NULL;
  struct list_locals_mark now;
  bool changed;
  must(list_locals_mark(tx, mark, &now, &changed, &error), error);
  *mark = now;
  return changed;
}

static enum res
test_mark(struct tx *tx, void *arg, GError **error)
{
  (void)arg;
  struct list_locals_mark mark = { .known = false };
  int64_t id;
  g_assert_true(has_changed(tx, &mark));
  g_assert_false(has_changed(tx, &mark));
  int64_t ant = create(tx, "ant@a.example");
  g_assert_true(has_changed(tx, &mark));
  must(list_set(tx, ant, "description", LIST_SET, "of ants", error), *error);
  g_assert_false(has_changed(tx, &mark));
  int64_t bat = create(tx, "bat@a.example");
  must(list_remove(tx, bat, NOW, error), *error);
  g_assert_true(has_changed(tx, &mark));
  must(list_remove(tx, ant, NOW, error), *error);
  g_assert_true(has_changed(tx, &mark));
  g_assert_false(has_changed(tx, &mark));
  must(domain_create(tx, "b.example", NULL, "c.example", NOW, &id, error), *error);
  g_assert_true(has_changed(tx, &mark));
  must(domain_remove(tx, "b.example", NOW, error), *error);
  g_assert_true(has_changed(tx, &mark));
  g_assert_false(has_changed(tx, &mark));
  return RES_OK;
}

int
main(int argc, char **argv)
{
  static const struct { const char *name; store_fn body; } tests[] = { { "/list-locals/each", test_each }, { "/list-locals/find", test_find }, { "/list-locals/mark", test_mark } };
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
    g_test_add_data_func(tests[i].name, &tests[i].body, in_transaction);
  return g_test_run();
}
