/* What goes when, and what must stay. */
#include "base/clock.h"
#include "queue/fixture.h"
#include "queue/posting.h"
#include "queue/retention.h"

#define ANT "ant@example.com"
#define STORED_OCTETS "SELECT count(*) + (SELECT count(*) FROM message_piece) FROM message WHERE octets IS NOT NULL"

static const struct retention_options defaults = { .messages = 0, .dedupe = 7 * CLOCK_DAY, .ledger = 30 * CLOCK_DAY };

static void
set_up(struct fixture *fixture)
{
  fixture_set_up(fixture);
  fixture_list(fixture, ANT);
  fixture_member(fixture, ANT, MEMBER_MEMBER, "bea@example.org", NULL);
  fixture_set(fixture, ANT, "default_nonmember_action", "hold");
}

static int64_t
sweep(struct fixture *fixture, const struct retention_options *options, int64_t after)
{
  int64_t removed;
  g_assert_cmpint(retention_sweep(fixture->store, options, FIXTURE_NOW + after, NULL, &removed, NULL), ==, RES_OK);
  return removed;
}

/* The octets of one message, by what still needs them. */
static const struct row {
  const char *name;
  struct mail mail;
  const char *change; /* SQL that happens in between */
  int64_t messages, after;
  bool stay;
} rows[] = {
  { .name = "on its way out", .mail = { .to = { ANT } }, .after = 400 * CLOCK_DAY, .stay = true },
  { .name = "set aside", .mail = { .to = { ANT } }, .change = "UPDATE delivery SET state = 1", .after = 400 * CLOCK_DAY, .stay = true },
  { .name = "sent", .mail = { .to = { ANT } }, .change = "UPDATE delivery SET state = 2, done_at = 1800000000000000" },
  { .name = "sent, kept for a day", .mail = { .to = { ANT } }, .change = "UPDATE delivery SET state = 2, done_at = 1800000000000000", .messages = CLOCK_DAY,
    .after = CLOCK_DAY - 1, .stay = true },
  { .name = "sent, kept for a day, which is over", .mail = { .to = { ANT } }, .change = "UPDATE delivery SET state = 2, done_at = 1800000000000000",
    .messages = CLOCK_DAY, .after = CLOCK_DAY },
  { .name = "held", .mail = { .header_from = "eve@example.net", .to = { ANT } }, .after = 400 * CLOCK_DAY, .stay = true },
  { .name = "discarded by a moderator", .mail = { .header_from = "eve@example.net", .to = { ANT } }, .change = "UPDATE posting SET state = 2, decided_at = 1" },
  { .name = "kept for a handler", .mail = { .to = { "ant-request@example.com" } }, .after = 400 * CLOCK_DAY, .stay = true },
  { .name = "its job is done", .mail = { .to = { "ant-request@example.com" } }, .change = "DELETE FROM job" },
  { .name = "one of two lists still needs it", .mail = { .to = { ANT, "ant-request@example.com" } }, .change = "DELETE FROM job", .stay = true },
  { .name = "still arriving", .mail = { .to = { ANT } }, .change = "UPDATE delivery SET state = 2, done_at = 1; UPDATE message SET accepted = 0", .stay = true },
};

static void
test_octets(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct fixture fixture;
    set_up(&fixture);
    fixture_answer(&fixture, &rows[i].mail);
    if (rows[i].change) {
      g_auto(GStrv) statements = g_strsplit(rows[i].change, "; ", 0);
      for (char **statement = statements; *statement; statement++)
        fixture_run(&fixture, g_intern_string(*statement));
    }
    struct retention_options options = defaults;
    options.messages = rows[i].messages;
    options.ledger = 1000 * CLOCK_DAY;
    sweep(&fixture, &options, rows[i].after);
    g_test_message("%s", rows[i].name);
    g_assert_cmpint(fixture_int(&fixture, STORED_OCTETS), ==, rows[i].stay);
    g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM message"), ==, 1);
    fixture_tear_down(&fixture);
  }
}

/* Keys kept for longer than postings: an MTA's repeat still finds its answer. */
static void
test_long_memory(void)
{
  struct fixture fixture;
  set_up(&fixture);
  struct retention_options options = defaults;
  options.dedupe = fixture.options.dedupe_window = 60 * CLOCK_DAY;
  const struct mail mail = { .to = { ANT } };
  g_assert_cmpint(fixture_answer(&fixture, &mail), ==, REPLY_ACCEPTED);
  fixture_run(&fixture, "DELETE FROM delivery");
  sweep(&fixture, &options, 59 * CLOCK_DAY);
  fixture.now = FIXTURE_NOW + 59 * CLOCK_DAY;
  g_assert_cmpint(fixture_answer(&fixture, &mail), ==, REPLY_ALREADY_ACCEPTED);
  sweep(&fixture, &options, 61 * CLOCK_DAY);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, 0);
  fixture_tear_down(&fixture);
}

/* A message of more pieces than a transaction may take away: it goes, and so does the one after it. */
static void
test_large(void)
{
  struct fixture fixture;
  set_up(&fixture);
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .to = { ANT } }), ==, REPLY_ACCEPTED);
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .subject = "second", .to = { ANT } }), ==, REPLY_ACCEPTED);
  fixture_run(&fixture, "INSERT INTO message_piece (message_id, number, octets) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) "
                        "SELECT 1, i, 'x' FROM n");
  fixture_run(&fixture, "UPDATE delivery SET state = 2, done_at = 1");
  g_assert_cmpint(sweep(&fixture, &defaults, 0), ==, 2);
  g_assert_cmpint(fixture_int(&fixture, STORED_OCTETS), ==, 0);
  fixture_tear_down(&fixture);
}

/* Old postings go once their deliveries are gone, more than one slice of them; what waits stays however old. */
static void
test_postings(void)
{
  struct fixture fixture;
  set_up(&fixture);
  for (int i = 0; i < 120; i++) {
    g_autofree char *subject = g_strdup_printf("%d", i);
    g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .subject = subject, .to = { ANT, "ant-request@example.com" } }), ==, REPLY_ACCEPTED);
  }
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .header_from = "eve@example.net", .to = { ANT } }), ==, REPLY_HELD);
  fixture_run(&fixture, "UPDATE delivery SET state = 2, done_at = 1800000000000000 + id");
  sweep(&fixture, &defaults, 31 * CLOCK_DAY);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, 241);
  fixture_run(&fixture, "DELETE FROM delivery");
  sweep(&fixture, &defaults, 30 * CLOCK_DAY);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, 241);
  sweep(&fixture, &defaults, 31 * CLOCK_DAY);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, 121); /* jobs and the held one */
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM message"), ==, 121);

  fixture_run(&fixture, "DELETE FROM job");
  fixture_run(&fixture, "UPDATE posting SET state = 3 WHERE state = 1");
  g_assert_cmpint(sweep(&fixture, &defaults, 31 * CLOCK_DAY), >, 0);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, 0);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM message"), ==, 0);
  g_assert_cmpint(fixture_int(&fixture, STORED_OCTETS), ==, 0);
  g_assert_cmpint(sweep(&fixture, &defaults, 31 * CLOCK_DAY), ==, 0);
  fixture_tear_down(&fixture);
}

static void
test_stop(void)
{
  struct fixture fixture;
  set_up(&fixture);
  static const _Atomic bool stop = true;
  int64_t removed;
  fixture_answer(&fixture, &(struct mail){ .to = { ANT } });
  fixture_run(&fixture, "UPDATE delivery SET state = 2, done_at = 1");
  g_assert_cmpint(retention_sweep(fixture.store, &defaults, FIXTURE_NOW, &stop, &removed, NULL), ==, RES_OK);
  g_assert_cmpint(removed, ==, 0);
  g_assert_cmpint(fixture_int(&fixture, STORED_OCTETS), ==, 1);
  fixture_tear_down(&fixture);
}

struct octets {
  int64_t id;
  GBytes *bytes;
};

static enum res
octets_read(struct tx *tx, void *arg, GError **error)
{
  struct octets *octets = arg;
  return posting_octets(tx, octets->id, &octets->bytes, error);
}

/* Octets that are gone are no empty message. */
static void
test_octets_gone(void)
{
  struct fixture fixture;
  set_up(&fixture);
  fixture_answer(&fixture, &(struct mail){ .to = { ANT } });
  struct octets octets = { fixture_int(&fixture, "SELECT id FROM message"), NULL };
  g_assert_cmpint(store_read(fixture.store, octets_read, &octets, NULL), ==, RES_OK);
  g_assert_cmpuint(g_bytes_get_size(octets.bytes), >, 10);
  g_clear_pointer(&octets.bytes, g_bytes_unref);
  fixture_run(&fixture, "UPDATE message SET octets = NULL");
  g_assert_cmpint(store_read(fixture.store, octets_read, &octets, NULL), ==, RES_TEMP);
  octets.id = 4711;
  g_assert_cmpint(store_read(fixture.store, octets_read, &octets, NULL), ==, RES_TEMP);
  g_assert_null(octets.bytes);
  fixture_tear_down(&fixture);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/retention/octets", test_octets);
  g_test_add_func("/retention/long_memory", test_long_memory);
  g_test_add_func("/retention/large", test_large);
  g_test_add_func("/retention/postings", test_postings);
  g_test_add_func("/retention/stop", test_stop);
  g_test_add_func("/retention/octets_gone", test_octets_gone);
  return g_test_run();
}
