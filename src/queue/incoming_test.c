/* A message that arrives: in memory, in pieces, and away again. */
#include "queue/fixture.h"
#include "queue/posting.h"
#include <string.h>

static char *
make_octets(size_t n)
{
  char *octets = g_malloc(n + 1);
  for (size_t i = 0; i < n; i++)
    octets[i] = (char)((i * 7 + i / 251) & 127);
  return octets;
}

static struct incoming *
arrive(struct fixture *fixture, const char *octets, size_t n, size_t step)
{
  struct incoming *incoming = NULL;
  g_assert_cmpint(incoming_new(fixture->store, &fixture->budget, (int64_t)n, &incoming, NULL), ==, RES_OK);
  for (size_t at = 0; at < n; at += step)
    g_assert_cmpint(incoming_append(incoming, (struct slice){ octets + at, MIN(step, n - at) }, NULL), ==, RES_OK);
  return incoming;
}

struct accept {
  struct incoming *incoming;
  int runs, fail; /* the first `fail` runs do not commit */
  int64_t id;
  GBytes *octets;
};

static enum res
accept_write(struct tx *tx, void *arg, GError **error)
{
  struct accept *accept = arg;
  enum res res = incoming_store(accept->incoming, tx, FIXTURE_NOW, &accept->id, error);
  if (res == RES_OK && accept->runs++ < accept->fail)
    return trouble(error, REPLY_TROUBLE, "undone");
  return res;
}

static enum res
accept_read(struct tx *tx, void *arg, GError **error)
{
  struct accept *accept = arg;
  return posting_octets(tx, accept->id, &accept->octets, error);
}

static const struct row {
  const char *name;
  size_t n, step;
  int64_t early; /* pieces written before acceptance */
} rows[] = {
  { "empty", 0, 1, 0 },
  { "one octet", 1, 1, 0 },
  { "one piece all but one", INCOMING_PIECE - 1, 4099, 0 },
  { "one piece", INCOMING_PIECE, 4099, 0 },
  { "one piece and one", INCOMING_PIECE + 1, 4099, 1 },
  { "two pieces at once", 2 * INCOMING_PIECE, 2 * INCOMING_PIECE, 1 },
  { "three pieces and some", 3 * INCOMING_PIECE + 5, 65536, 3 },
  { "all in one go", 5 * INCOMING_PIECE - 1, 5 * INCOMING_PIECE, 4 },
};

static void
check_row(struct fixture *fixture, const struct row *row)
{
  g_test_message("%s", row->name);
  g_autofree char *octets = make_octets(row->n);
  struct incoming *incoming = arrive(fixture, octets, row->n, row->step);
  g_assert_cmpint(fixture_int(fixture, "SELECT count(*) FROM message_piece p JOIN message m ON m.id = p.message_id WHERE m.accepted = 0"), ==, row->early);

  struct accept accept = { .incoming = incoming, .fail = 1 };
  g_assert_cmpint(store_write(fixture->store, accept_write, &accept, NULL), ==, RES_TEMP);
  g_assert_cmpint(store_write(fixture->store, accept_write, &accept, NULL), ==, RES_OK);
  if (row->n % 2)
    incoming_accepted(incoming); /* without it the database is asked */
  incoming_free(incoming);
  g_assert_cmpint(store_read(fixture->store, accept_read, &accept, NULL), ==, RES_OK);
  struct slice stored = slice_bytes(accept.octets);
  g_assert_true(slice_equal(stored, (struct slice){ octets, row->n }));
  g_bytes_unref(accept.octets);
  g_assert_cmpint(fixture_int(fixture, "SELECT count(*) FROM message WHERE accepted = 0"), ==, 0);
}

static void
test_sizes(void)
{
  struct fixture fixture;
  fixture_set_up(&fixture);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    check_row(&fixture, &rows[i]);
  fixture_tear_down(&fixture);
}

static void
test_never_accepted(void)
{
  struct fixture fixture;
  fixture_set_up(&fixture);
  size_t n = 40 * INCOMING_PIECE;
  g_autofree char *octets = make_octets(n);
  struct incoming *incoming = arrive(&fixture, octets, n, 1 << 20);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM message_piece"), ==, 39);
  incoming_free(incoming);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM message_piece"), ==, 0);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM message"), ==, 0);
  fixture_tear_down(&fixture);
}

/* What a crash left behind: pieces nobody will ever accept. What was accepted stays. */
static void
test_sweep(void)
{
  struct fixture fixture;
  fixture_set_up(&fixture);
  fixture_list(&fixture, "ant@example.com");
  fixture_member(&fixture, "ant@example.com", MEMBER_MEMBER, "bea@example.org", NULL);
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .padding = 3 * INCOMING_PIECE, .to = { "ant@example.com" } }), ==, REPLY_ACCEPTED);
  fixture_run(&fixture, "INSERT INTO message (size, accepted, created_at) VALUES (0, 0, 1), (0, 0, 2)");
  fixture_run(&fixture, "INSERT INTO message_piece (message_id, number, octets) WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 39) "
                        "SELECT m.id, n.i, 'x' FROM n, message m WHERE m.accepted = 0");
  fixture_restart(&fixture, NULL);
  g_assert_cmpint(incoming_sweep(fixture.store, NULL), ==, RES_OK);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM message"), ==, 1);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM message_piece"), ==, 4);
  g_assert_cmpint(incoming_sweep(fixture.store, NULL), ==, RES_OK);
  fixture_tear_down(&fixture);
}

/* Swept under the feet of a message that is still arriving: it is not accepted without its octets. */
static void
test_swept_while_arriving(void)
{
  struct fixture fixture;
  fixture_set_up(&fixture);
  size_t n = 2 * INCOMING_PIECE;
  g_autofree char *octets = make_octets(n);
  struct accept accept = { .incoming = arrive(&fixture, octets, n, n) };
  g_assert_cmpint(incoming_sweep(fixture.store, NULL), ==, RES_OK);
  g_assert_cmpint(store_write(fixture.store, accept_write, &accept, NULL), ==, RES_TEMP);
  incoming_free(accept.incoming);
  fixture_tear_down(&fixture);
}

static void
test_budget(void)
{
  struct fixture fixture;
  fixture_set_up(&fixture);
  fixture.budget.limit = 100000;
  g_autofree char *octets = make_octets(100001);
  struct incoming *incoming = NULL, *second = NULL;
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(incoming_new(fixture.store, &fixture.budget, 100001, &incoming, &error), ==, RES_TEMP);
  g_assert_cmpint(error_reply(error, REPLY_OK), ==, REPLY_FULL);
  g_clear_error(&error);
  g_assert_cmpint(fixture.budget.used, ==, 0);

  g_assert_cmpint(incoming_new(fixture.store, &fixture.budget, 60000, &incoming, NULL), ==, RES_OK);
  g_assert_cmpint(incoming_new(fixture.store, &fixture.budget, 60000, &second, NULL), ==, RES_TEMP);
  g_assert_cmpint(incoming_append(incoming, (struct slice){ octets, 60000 }, NULL), ==, RES_OK);
  g_assert_cmpint(fixture.budget.used, ==, 60000);
  g_assert_cmpint(incoming_append(incoming, (struct slice){ octets, 40001 }, &error), ==, RES_TEMP);
  g_assert_cmpint(error_reply(error, REPLY_OK), ==, REPLY_FULL);
  incoming_free(incoming);
  fixture_tear_down(&fixture);
}

/* Where there is no room to grow into, there still is for the octets. */
static void
test_last_octet_of_budget(void)
{
  struct fixture fixture;
  fixture_set_up(&fixture);
  fixture.budget.limit = 100000;
  struct incoming *incoming;
  g_autofree char *octets = make_octets(100001);
  g_assert_cmpint(incoming_new(fixture.store, &fixture.budget, 0, &incoming, NULL), ==, RES_OK);
  for (size_t at = 0; at < 100000; at += 1000)
    g_assert_cmpint(incoming_append(incoming, (struct slice){ octets + at, 1000 }, NULL), ==, RES_OK);
  g_assert_cmpint(fixture.budget.used, ==, 100000);
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(incoming_append(incoming, (struct slice){ octets, 1 }, &error), ==, RES_TEMP);
  g_assert_cmpint(error->code, ==, REPLY_FULL);
  incoming_free(incoming);
  g_assert_cmpint(fixture.budget.used, ==, 0);
  fixture_tear_down(&fixture);
}

/* Of one that is refused while it arrives no memory is kept, and in the end nothing in the database either. */
static void
test_drop(void)
{
  struct fixture fixture;
  fixture_set_up(&fixture);
  size_t n = 3 * INCOMING_PIECE;
  g_autofree char *octets = make_octets(n);
  struct incoming *incoming = arrive(&fixture, octets, n, 65536);
  incoming_drop(incoming);
  g_assert_cmpint(fixture.budget.used, ==, 0);
  incoming_free(incoming);
  g_assert_cmpint(fixture.budget.used, ==, 0);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM message_piece"), ==, 0);
  incoming_drop(NULL);
  fixture_tear_down(&fixture);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/incoming/sizes", test_sizes);
  g_test_add_func("/incoming/never_accepted", test_never_accepted);
  g_test_add_func("/incoming/sweep", test_sweep);
  g_test_add_func("/incoming/swept_while_arriving", test_swept_while_arriving);
  g_test_add_func("/incoming/budget", test_budget);
  g_test_add_func("/incoming/drop", test_drop);
  g_test_add_func("/incoming/last-octet-of-budget", test_last_octet_of_budget);
  return g_test_run();
}
