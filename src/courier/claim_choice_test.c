#include "courier/claim_choice.h"
#include "base/log.h"
#include "courier/fixture.h"

#define T0 INT64_C(1800000000000000)

struct choosing {
  struct claim_options options;
  struct claim_candidate best;
  int64_t next_at;
  bool found;
};

static enum res
write_choice(struct tx *tx, void *arg, GError **error)
{
  struct choosing *choosing = arg;
  enum res res = claim_choose(tx, &choosing->options, &choosing->best, error);
  choosing->found = res == RES_OK;
  if (res == RES_OK || res == RES_MORE)
    res = claim_next_at(tx, &choosing->options, &choosing->next_at, error);
  return res;
}

static struct choosing
choose(struct fixture *fixture, struct claim_options options)
{
  struct choosing choosing = { .options = options };
  if (options.now == 0)
    choosing.options.now = T0;
  fixture_write(fixture, write_choice, &choosing);
  return choosing;
}

/* The delivery that is next for an outlet, which then counts as served; 0: none. */
static int64_t
serve(struct fixture *fixture, const char *outlet, int64_t now)
{
  struct choosing choosing = choose(fixture, (struct claim_options){ .outlet = outlet, .now = now });
  if (!choosing.found)
    return 0;
  g_autofree char *sql = g_strdup_printf("UPDATE delivery SET served_at = %" G_GINT64_FORMAT " WHERE id = %" G_GINT64_FORMAT, now, choosing.best.delivery_id);
  fixture_run(fixture, g_intern_string(sql)); /* statements are found by the address of their text */
  return choosing.best.delivery_id;
}

static int64_t
post_to(struct fixture *fixture, const char *address)
{
  return fixture_post_to(fixture, (const char *const[]){ address, NULL });
}

/* A large one and many small ones, of which each is served before the large one comes again; the large one is not forgotten either. */
static void
check_fair(struct fixture *fixture, int64_t large)
{
  enum { SMALL = 300 };
  bool seen[SMALL + 1] = { false };
  int64_t small[SMALL], now = T0;
  g_assert_cmpint(serve(fixture, "", now++), ==, large);
  for (int i = 0; i < SMALL; i++)
    small[i] = post_to(fixture, "small@example.org");
  for (int i = 0; i < SMALL; i++) {
    int64_t id = serve(fixture, "", now++);
    g_assert_cmpint(id, >=, small[0]);
    g_assert_cmpint(id, <=, small[SMALL - 1]);
    g_assert_false(seen[id - small[0]]);
    seen[id - small[0]] = true;
  }
  g_assert_cmpint(serve(fixture, "", now++), ==, large);
}

static void
test_fair_roster(void)
{
  OWN(fixture) fixture = fixture_new(100);
  check_fair(fixture, fixture_post(fixture));
}

/* Thousands who were refused for a while and are due for longer than anybody else. */
static void
test_fair_recipients(void)
{
  OWN(fixture) fixture = fixture_new(1);
  int64_t large = post_to(fixture, "large@example.org");
  fixture_run(fixture, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO recipient (delivery_id, address, state, next_at, first_at) "
                       "SELECT 1, 'm' || i || '@example.net', 0, i, i FROM n");
  fixture_set_due(fixture);
  check_fair(fixture, large);
}

static void
test_fair_chunks(void)
{
  OWN(fixture) fixture = fixture_new(1);
  int64_t large = fixture_post(fixture);
  fixture_run(fixture, "UPDATE delivery SET cursor = last_join");
  fixture_run(fixture, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO chunk (delivery_id, state, claimed_at, count, members) "
                       "SELECT 1, 0, 1, 1, x'02' FROM n");
  fixture_set_due(fixture);
  check_fair(fixture, large);
}

/* Each outlet's work is its own, whatever the others have. */
static void
test_outlets(void)
{
  OWN(fixture) fixture = fixture_new(3);
  int64_t plain = fixture_post(fixture);
  fixture->outlet = "relay";
  int64_t roster = fixture_post(fixture), addresses = post_to(fixture, "o@example.org"), chunk = fixture_post(fixture);
  fixture_run(fixture, "UPDATE delivery SET cursor = last_join WHERE id = 4");
  fixture_run(fixture, "INSERT INTO chunk (delivery_id, state, claimed_at, count, members) VALUES (4, 0, 1, 1, x'02')");
  fixture_run(fixture, "UPDATE delivery SET served_at = id WHERE id = 4");
  fixture_set_due(fixture);
  g_assert_cmpint(chunk, ==, 4);
  g_assert_cmpint(serve(fixture, "other", T0), ==, 0);
  g_assert_cmpint(serve(fixture, "", T0), ==, plain);
  g_assert_cmpint(serve(fixture, NULL, T0 + 1), ==, plain);
  int64_t first = serve(fixture, "relay", T0 + 2), second = serve(fixture, "relay", T0 + 3);
  g_assert_cmpint(first + second, ==, roster + addresses);
  g_assert_cmpint(serve(fixture, "relay", T0 + 4), ==, chunk);
}

/* What waits for one outlet wakes no other. */
static void
test_next_at(void)
{
  OWN(fixture) fixture = fixture_new(1);
  fixture->outlet = "relay";
  post_to(fixture, "o@example.org");
  fixture_post(fixture);
  fixture_run(fixture, "UPDATE recipient SET next_at = 1800000000000005");
  fixture_run(fixture, "UPDATE delivery SET cursor = last_join, served_at = 1");
  fixture_run(fixture, "INSERT INTO chunk (delivery_id, state, claimed_at, not_before, count, members) VALUES (2, 0, 1, 1800000000000007, 1, x'02')");
  fixture_set_due(fixture);
  g_assert_cmpint(choose(fixture, (struct claim_options){ .outlet = "" }).next_at, ==, INT64_MAX);
  g_assert_cmpint(choose(fixture, (struct claim_options){ .outlet = "relay" }).next_at, ==, T0 + 5);
  fixture_run(fixture, "DELETE FROM recipient");
  fixture_set_due(fixture);
  g_assert_cmpint(choose(fixture, (struct claim_options){ .outlet = "relay" }).next_at, ==, T0 + 7);
}

/* Lists that have enough in flight are passed over, and what they have waiting wakes nobody. */
static void
test_lists(void)
{
  OWN(fixture) fixture = fixture_new(1);
  int64_t full = fixture_post(fixture), other = post_to(fixture, "o@example.org"), lists[] = { fixture->list_id };
  fixture_run(fixture, "UPDATE delivery SET list_id = 77 WHERE id = 2");
  struct claim_options options = { .lists = lists, .n_lists = 1 };
  struct choosing choosing = choose(fixture, options);
  g_assert_true(choosing.found);
  g_assert_cmpint(choosing.best.delivery_id, ==, other);
  fixture_run(fixture, "UPDATE delivery SET state = 2 WHERE id = 2");
  choosing = choose(fixture, options);
  g_assert_false(choosing.found);
  g_assert_cmpint(choosing.next_at, ==, INT64_MAX);
  g_assert_cmpint(serve(fixture, "", T0), ==, full);
}

int
main(int argc, char **argv)
{
  static const struct {
    const char *name;
    void (*run)(void);
  } tests[] = {
    { "fair: a roster", test_fair_roster },
    { "fair: recipients", test_fair_recipients },
    { "fair: chunks", test_fair_chunks },
    { "outlets", test_outlets },
    { "next at", test_next_at },
    { "lists", test_lists },
  };
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
    g_autofree char *path = g_strdup_printf("/claim_choice/%s", tests[i].name);
    g_test_add_func(path, tests[i].run);
  }
  return g_test_run();
}
