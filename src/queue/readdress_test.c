/* Rows of recipient in every state, more of them than a slice holds. */
#include "queue/fixture.h"
#include "queue/readdress.h"

#define MANY 4500

struct filling {
  int from;
};

/* Every third row is of member 7, every third of member 8, the others of nobody; the states alternate. */
static enum res
fill(struct tx *tx, void *arg, GError **error)
{
  const struct filling *filling = arg;
  enum res res = RES_OK;
  for (int i = filling->from; res == RES_OK && i < filling->from + 500; i++)
    res = sql_run(tx, "INSERT INTO recipient (delivery_id, member_id, address, state, next_at, first_at) VALUES (1, $1, 'old@example.org', $2, $3, 0)",
                  SQL_ARGS(sql_int(i % 3 ? 6 + i % 3 : 0), sql_int(i / 3 % 5), sql_int(i % 11)), error);
  return res;
}

static void
set_up(struct fixture *fixture)
{
  fixture_set_up(fixture);
  fixture_list(fixture, "ant@example.com");
  fixture_run(fixture, "INSERT INTO message (id, size, accepted, created_at) VALUES (1, 0, 1, 0)");
  fixture_run(fixture, "INSERT INTO posting (id, code, list_id, domain_id, role, address, message_id, state, reverse_path, sender, subject, received_at) "
                       "VALUES (1, 'a', 1, 1, 0, '', 1, 0, '', '', '', 0)");
  fixture_run(fixture, "INSERT INTO delivery (id, posting_id, list_id, state, roster, reverse_path, created_at) VALUES (1, 1, 1, 0, 1, '', 0)");
  for (struct filling filling = { 0 }; filling.from < MANY; filling.from += 500)
    g_assert_cmpint(fixture_write(fixture, fill, &filling), ==, RES_OK);
}

static void
test_waiting(void)
{
  struct fixture fixture;
  set_up(&fixture);
  static const int64_t members[] = { 7, 4711 };
  int64_t n = -1, want = MANY / 3 / 5 * 2;
  g_assert_cmpint(readdress_count(fixture.store, members, G_N_ELEMENTS(members), &n, NULL), ==, RES_OK);
  g_assert_cmpint(n, ==, want);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM recipient WHERE address = 'new@example.org'"), ==, 0);
  g_assert_cmpint(readdress_waiting(fixture.store, members, G_N_ELEMENTS(members), "new@example.org", &n, NULL), ==, RES_OK);
  g_assert_cmpint(n, ==, want);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM recipient WHERE address = 'new@example.org'"), ==, want);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM recipient WHERE address = 'new@example.org' AND member_id = 7 AND state <= 1"), ==, want);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM recipient WHERE address = 'old@example.org' AND member_id = 7 AND state <= 1"), ==, 0);
  fixture_tear_down(&fixture);
}

static void
test_nothing(void)
{
  struct fixture fixture;
  fixture_set_up(&fixture);
  int64_t n = -1, nobody = 0;
  g_assert_cmpint(readdress_waiting(fixture.store, &nobody, 0, "new@example.org", &n, NULL), ==, RES_OK);
  g_assert_cmpint(n, ==, 0);
  fixture_tear_down(&fixture);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/readdress/waiting", test_waiting);
  g_test_add_func("/readdress/nothing", test_nothing);
  return g_test_run();
}
