/* Rounds of housekeeping at a time that the test says. */
#include "server/housekeeping.h"
#include "base/clock.h"
#include "base/counter.h"
#include "store/scratch.h"
#include "store/space.h"
#include <unistd.h>

#define NOW (INT64_C(1800000000) * CLOCK_SECOND)

struct fixture {
  char *directory;
  struct store *store;
  struct live_config *live;
  struct housekeeping *housekeeping;
};

static void
no_wake(void *ctx)
{
  (void)ctx;
}

/* Defaults alone. */
static struct config *
config_new(void)
{
  g_autofree char *path = NULL;
  struct config *config = NULL;
  int fd = g_file_open_tmp("listward-housekeeping-XXXXXX", &path, NULL);
  g_assert_cmpint(fd, >=, 0);
  close(fd);
  g_assert_cmpint(config_load(path, &config, NULL), ==, RES_OK);
  g_unlink(path);
  return config;
}

static void
set_up(struct fixture *fixture)
{
  fixture->directory = scratch_new();
  fixture->store = scratch_store(fixture->directory, STORE_SERVER);
  fixture->live = live_config_new(config_new());
  fixture->housekeeping = housekeeping_new(fixture->store, fixture->live, no_wake, NULL);
}

static void
tear_down(struct fixture *fixture)
{
  housekeeping_free(fixture->housekeeping);
  live_config_free(fixture->live);
  store_free(fixture->store);
  scratch_free(fixture->directory);
}

static enum res
run_sql(struct tx *tx, void *arg, GError **error)
{
  return sql_run(tx, arg, SQL_NO_ARGS, error);
}

static void
run(struct fixture *fixture, const char *sql)
{
  g_autoptr(GError) error = NULL;
  enum res res = store_write(fixture->store, run_sql, (void *)sql, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
}

struct number {
  const char *sql;
  int64_t value;
};

static enum res
read_number(struct tx *tx, void *arg, GError **error)
{
  struct number *number = arg;
  return sql_int_of(tx, number->sql, SQL_NO_ARGS, &number->value, error);
}

static int64_t
number(struct fixture *fixture, const char *sql)
{
  struct number number = { sql, -1 };
  g_assert_cmpint(store_read(fixture->store, read_number, &number, NULL), ==, RES_OK);
  return number.value;
}

static const char bounce[] = "INSERT INTO bounce (list_id, member_id, address, delivery_id, at, reply) VALUES (1, 1, 'a', 1, 1, '')";

/* Nothing that time takes away: no wake-up at all; something: within the hour. */
static void
test_sleep(void)
{
  static const struct {
    const char *name, *sql;
  } rows[] = {
    { "a bounce", bounce },
    { "a verdict in front", "INSERT INTO front_verdict (list_id, key, action, ground, rule, reason, reply, told, at) VALUES (1, x'01', 0, 0, '', '', '', 0, 1800000000000000)" },
    { "a domain that has left", "INSERT INTO domain (name, created_at, removed_at) VALUES ('example.com', 1, 1800000000000000)" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct fixture fixture;
    set_up(&fixture);
    g_assert_cmpint(housekeeping_round(fixture.housekeeping, NOW), ==, INT64_MAX);
    run(&fixture, rows[i].sql);
    int64_t early = housekeeping_round(fixture.housekeeping, 2), late = housekeeping_round(fixture.housekeeping, NOW + 40 * CLOCK_DAY);
    if (early != 2 + CLOCK_HOUR || late != INT64_MAX)
      g_error("%s: %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT, rows[i].name, early, late);
    tear_down(&fixture);
  }
}

/* Verdicts in front are known for the time in which an MTA's second try is, and go in slices. */
static void
test_front(void)
{
  struct fixture fixture;
  set_up(&fixture);
  run(&fixture, "INSERT INTO front_verdict (list_id, key, action, ground, rule, reason, reply, told, at) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                "WHERE i < 250) SELECT i, x'01', 0, 0, '', '', '', 0, 1800000000000000 + (i % 10) * 86400000000 FROM n");
  housekeeping_round(fixture.housekeeping, NOW + 7 * CLOCK_DAY);
  g_assert_cmpint(number(&fixture, "SELECT count(*) FROM front_verdict"), ==, 250);
  housekeeping_round(fixture.housekeeping, NOW + 16 * CLOCK_DAY);
  g_assert_cmpint(number(&fixture, "SELECT count(*) FROM front_verdict"), ==, 25);
  g_assert_cmpint(housekeeping_round(fixture.housekeeping, NOW + 17 * CLOCK_DAY), ==, INT64_MAX);
  g_assert_cmpint(number(&fixture, "SELECT count(*) FROM front_verdict"), ==, 0);
  tear_down(&fixture);
}

/* A table that cannot be written is no reason to leave the others as they are. */
static void
test_failure(void)
{
  struct fixture fixture;
  set_up(&fixture);
  run(&fixture, bounce);
  run(&fixture, "INSERT INTO domain (name, created_at, removed_at) VALUES ('example.com', 1, 1)");
  run(&fixture, "CREATE TRIGGER broken BEFORE DELETE ON bounce BEGIN SELECT RAISE(ABORT, 'broken'); END");
  for (int i = 0; i < 3; i++)
    g_assert_cmpint(housekeeping_round(fixture.housekeeping, NOW), ==, NOW + CLOCK_MINUTE);
  g_assert_cmpint(number(&fixture, "SELECT count(*) FROM domain"), ==, 0);
  g_assert_cmpint(number(&fixture, "SELECT count(*) FROM bounce"), ==, 1);
  g_assert_cmpint(counter_read(COUNTER_ALARMS), ==, 1); /* not in each round */
  run(&fixture, "DROP TRIGGER broken");
  g_assert_cmpint(housekeeping_round(fixture.housekeeping, NOW), ==, INT64_MAX);
  tear_down(&fixture);
}

/* A burst of mail has blown the file up: what is much goes back, some is kept for new mail. */
static void
test_space(void)
{
  struct fixture fixture;
  set_up(&fixture);
  run(&fixture, "INSERT INTO message (size, accepted, created_at) VALUES (1, 0, 1)");
  run(&fixture, "INSERT INTO message_piece (message_id, number, octets) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) "
                "SELECT 1, i, zeroblob(100000) FROM n");
  int64_t full = number(&fixture, "SELECT page_count FROM pragma_page_count");
  run(&fixture, "DELETE FROM message_piece");
  g_assert_cmpint(number(&fixture, "SELECT freelist_count FROM pragma_freelist_count"), >, 9000);
  housekeeping_round(fixture.housekeeping, NOW);
  int64_t left = number(&fixture, "SELECT freelist_count FROM pragma_freelist_count");
  g_assert_cmpint(left, <=, 4096);
  g_assert_cmpint(left, >, 3900);
  g_assert_cmpint(number(&fixture, "SELECT page_count FROM pragma_page_count"), <, full / 2);
  g_assert_cmpint(number(&fixture, "SELECT count(*) FROM pragma_quick_check WHERE quick_check = 'ok'"), ==, 1);
  tear_down(&fixture);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/housekeeping/sleep", test_sleep);
  g_test_add_func("/housekeeping/front", test_front);
  g_test_add_func("/housekeeping/failure", test_failure);
  g_test_add_func("/housekeeping/space", test_space);
  return g_test_run();
}
