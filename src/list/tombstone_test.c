#include "list/tombstone.h"
#include "list/domain.h"
#include "list/member.h"
#include "list/test_store.h"

#define NOW INT64_C(1700000000000000)

static void
run(struct tx *tx, const char *sql)
{
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(sql_run(tx, sql, SQL_NO_ARGS, &error), ==, RES_OK);
}

static int64_t
number(struct tx *tx, const char *sql)
{
  int64_t n = -1;
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(sql_int_of(tx, sql, SQL_NO_ARGS, &n, &error), ==, RES_OK);
  return n;
}

static int64_t
make(struct tx *tx, const char *name)
{
  int64_t id = 0;
  g_assert_cmpint(list_create(tx, &(struct list_new){ .name = name, .make_domain = true, .now = NOW }, &id, NULL), ==, RES_OK);
  return id;
}

static void
add(struct tx *tx, int64_t list_id, const char *address)
{
  bool added = false;
  g_assert_cmpint(member_add(tx, &(struct member_new){ .list_id = list_id, .role = MEMBER_MEMBER, .address = address, .now = NOW }, &added, NULL), ==, RES_OK);
}

static int64_t
prune(struct tx *tx, int64_t before, int limit)
{
  int64_t n = -1;
  g_autoptr(GError) error = NULL;
  enum res res = tombstone_prune(tx, before, limit, NOW, &n, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return n;
}

/* Who is still somewhere keeps the address. */
static enum res
test_members(struct tx *tx, void *arg, GError **error)
{
  (void)arg, (void)error;
  int64_t ant = make(tx, "ant@example.com"), bee = make(tx, "bee@example.com");
  g_assert_cmpint(tombstone_any(tx, NULL), ==, RES_MORE);
  add(tx, ant, "a@example.org");
  add(tx, ant, "b@example.org");
  add(tx, ant, "c@example.org");
  add(tx, bee, "b@example.org");
  run(tx, "UPDATE member SET left_at = 100 + id WHERE list_id = (SELECT id FROM list WHERE local = 'ant') "
          "AND address_id IN (SELECT id FROM address WHERE key IN ('a@example.org', 'b@example.org'))");
  g_assert_cmpint(tombstone_any(tx, NULL), ==, RES_OK);
  g_assert_cmpint(prune(tx, 100, 10), ==, 0);
  g_assert_cmpint(prune(tx, 1000, 1), ==, 1);
  g_assert_cmpint(prune(tx, 1000, 10), ==, 1);
  g_assert_cmpint(prune(tx, 1000, 10), ==, 0);
  g_assert_cmpint(number(tx, "SELECT count(*) FROM member"), ==, 2);
  g_assert_cmpint(number(tx, "SELECT count(*) FROM address WHERE key = 'a@example.org'"), ==, 0);
  g_assert_cmpint(number(tx, "SELECT count(*) FROM address"), ==, 2);
  return RES_OK;
}

/* A list goes when its postings and members are gone, its domain after it; one that lives stays. */
static enum res
test_lists(struct tx *tx, void *arg, GError **error)
{
  (void)arg, (void)error;
  int64_t ant = make(tx, "ant@example.com");
  make(tx, "bee@example.net");
  add(tx, ant, "a@example.org"); /* its removal was interrupted */
  run(tx, "INSERT INTO list_setting (list_id, name, value) SELECT id, 'info', 'x' FROM list WHERE local = 'ant'");
  run(tx, "INSERT INTO ban (list_id, pattern, created_at) SELECT id, 'x@example.org', 1 FROM list WHERE local = 'ant'");
  run(tx, "INSERT INTO message (size, accepted, created_at) VALUES (1, 1, 1)");
  run(tx, "INSERT INTO posting (code, list_id, domain_id, role, address, message_id, state, reverse_path, sender, subject, received_at) "
          "SELECT 'x', id, 1, 0, '', 1, 0, '', '', '', 1 FROM list WHERE local = 'ant'");
  run(tx, "UPDATE list SET removed_at = 50 WHERE local = 'ant'");
  run(tx, "UPDATE domain SET removed_at = 50 WHERE name = 'example.com'");
  g_assert_cmpint(prune(tx, 100, 10), ==, 0); /* a posting refers to it */
  run(tx, "DELETE FROM posting");
  g_assert_cmpint(prune(tx, 100, 10), ==, 1);
  g_assert_cmpint(number(tx, "SELECT count(*) FROM member WHERE left_at IS NULL"), ==, 0);
  g_assert_cmpint(number(tx, "SELECT count(*) FROM list"), ==, 2);
  g_assert_cmpint(prune(tx, NOW + 1, 10), ==, 3); /* member, list, domain */
  g_assert_cmpint(prune(tx, NOW + 1, 10), ==, 0);
  g_assert_cmpint(number(tx, "SELECT count(*) FROM list"), ==, 1);
  g_assert_cmpint(number(tx, "SELECT count(*) FROM domain"), ==, 1);
  g_assert_cmpint(number(tx, "SELECT count(*) FROM list_setting WHERE name = 'info'"), ==, 0);
  g_assert_cmpint(number(tx, "SELECT count(*) FROM ban"), ==, 0);
  return RES_OK;
}

static const store_fn members = test_members, lists = test_lists;

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_data_func("/tombstone/members", &members, in_transaction);
  g_test_add_data_func("/tombstone/lists", &lists, in_transaction);
  return g_test_run();
}
