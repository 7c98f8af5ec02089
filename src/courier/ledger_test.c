#include "courier/ledger.h"
#include "base/clock.h"
#include "base/log.h"
#include "courier/claim.h"
#include "courier/fixture.h"
#include "courier/record.h"
#include "courier/workload.h"

#define T0 INT64_C(1800000000000000)

struct step {
  size_t chunk_size;
  const char *letters; /* NULL: nothing is recorded */
};

/* Claims a chunk and records a letter for each target (P S D F B K) with the reply "250 x". */
static enum res
write_step(struct tx *tx, void *arg, GError **error)
{
  static const struct retry_schedule schedule = { .first = 5 * CLOCK_MINUTE, .max = 4 * CLOCK_HOUR, .lifetime = 5 * CLOCK_DAY };
  const struct step *step = arg;
  OWN(claim) claim = NULL;
  int64_t next_at;
  enum res res = claim_next(tx, &(struct claim_options){ .chunk_size = step->chunk_size, .now = T0 }, &claim, &next_at, error);
  if (res != RES_OK || step->letters == NULL)
    return res;
  struct transmission mail;
  struct record_counts counts;
  transmission_init(&mail, SHAPE_BATCH, claim->targets->len);
  int reply = transmission_reply(&mail, g_strdup("250 x"));
  for (size_t i = 0; i < mail.n; i++) {
    mail.recipients[i].outcome = (enum outcome)(strchr("PSDFBK", step->letters[i]) - "PSDFBK");
    mail.recipients[i].reply = reply;
  }
  res = record_outcomes(tx, &(struct record){ .claim = claim, .mail = &mail, .why = "", .retry = &schedule, .now = T0 + 1 }, &counts, error);
  transmission_clear(&mail);
  return res;
}

static void
step(struct fixture *fixture, size_t chunk_size, const char *letters)
{
  fixture_write(fixture, write_step, &(struct step){ .chunk_size = chunk_size, .letters = letters });
}

/* m1 to m3 sent, m4 deferred, m5 failed; m6 in flight; m7 not reached; m8 in digest mode. */
static struct fixture *
scene(void)
{
  struct fixture *fixture = fixture_new(8);
  fixture_set_member(fixture, 8, "delivery_mode", "mime_digests");
  fixture_post(fixture);
  step(fixture, 5, "SSSDB");
  step(fixture, 1, NULL);
  return fixture;
}

static void
note_line(const struct ledger_line *line, void *arg)
{
  g_string_append_printf(arg, "%s %s %d %s%s\n", line->address, line->state, line->attempts, line->reply, line->at > 0 ? " at" : line->next_at > 0 ? " next" : "");
}

static const struct {
  const char *name, *code, *address, *wanted;
  enum res res;
} rows[] = {
  { .name = "all", .code = "posting1",
    .wanted = "m4@example.net deferred 1 250 x next\nm5@example.net failed 1 250 x at\nm6@example.net sending 0 \nm1@example.net sent 1 250 x at\n"
              "m2@example.net sent 1 250 x at\nm3@example.net sent 1 250 x at\n" },
  { .name = "one sent", .code = "posting1", .address = "M2@EXAMPLE.NET", .wanted = "m2@example.net sent 1 250 x at\n" },
  { .name = "one deferred", .code = "posting1", .address = "m4@example.net", .wanted = "m4@example.net deferred 1 250 x next\n" },
  { .name = "one in flight", .code = "posting1", .address = "m6@example.net", .wanted = "m6@example.net sending 0 \n" },
  { .name = "one not reached", .code = "posting1", .address = "m7@example.net", .wanted = "m7@example.net waiting 0 \n" },
  { .name = "a stranger", .code = "posting1", .address = "x@example.net", .wanted = "" },
  { .name = "no address", .code = "posting1", .address = "x y", .wanted = "", .res = RES_BAD },
  { .name = "no posting", .code = "posting9", .wanted = "", .res = RES_MORE },
};

static void
test_read(void)
{
  OWN(fixture) fixture = scene();
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    struct ledger_summary summary;
    g_test_message("%s", rows[i].name);
    g_assert_cmpint(ledger_read(fixture->store, rows[i].code, rows[i].address, note_line, out, &summary, &error), ==, rows[i].res);
    g_assert_cmpstr(out->str, ==, rows[i].wanted);
  }
}

static void
test_left(void)
{
  OWN(fixture) fixture = scene();
  fixture_remove_member(fixture, 1);
  fixture_remove_member(fixture, 7);
  g_autoptr(GString) out = g_string_new(NULL);
  struct ledger_summary summary;
  g_assert_cmpint(ledger_read(fixture->store, "posting1", "m1@example.net", note_line, out, &summary, NULL), ==, RES_OK);
  g_assert_cmpstr(out->str, ==, "m1@example.net sent 1 250 x at\n");
  g_assert_cmpint(summary.lines, ==, 1);
  g_assert_cmpint(ledger_read(fixture->store, "posting1", "m7@example.net", note_line, out, &summary, NULL), ==, RES_OK);
  g_assert_cmpint(summary.lines, ==, 0);
}

static void
test_summary(void)
{
  OWN(fixture) fixture = fixture_new(8);
  fixture_set_member(fixture, 3, "delivery_mode", "mime_digests");
  fixture_set_member(fixture, 4, "delivery_status", "by_user");
  fixture_post(fixture);
  step(fixture, 100, "SKSSSS");
  g_autoptr(GString) out = g_string_new(NULL);
  struct ledger_summary summary;
  g_assert_cmpint(ledger_read(fixture->store, "posting1", NULL, note_line, out, &summary, NULL), ==, RES_OK);
  g_assert_cmpint(summary.deliveries, ==, 1);
  g_assert_cmpint(summary.open, ==, 0);
  g_assert_cmpint(summary.lines, ==, 5);
  g_assert_cmpint(summary.skips.digest, ==, 1);
  g_assert_cmpint(summary.skips.disabled, ==, 1);
  g_assert_cmpint(summary.skips.own, ==, 0);
  g_assert_cmpint(summary.copy, ==, 1);
}

/* More rows than one page. */
static void
test_pages(void)
{
  OWN(fixture) fixture = fixture_new(1);
  fixture_post(fixture);
  fixture_run(fixture,
              "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450) "
              "INSERT INTO recipient (delivery_id, address, state, next_at, first_at) SELECT 1, 'x' || i || '@example.net', 0, 0, 1 FROM n");
  g_autoptr(GString) out = g_string_new(NULL);
  struct ledger_summary summary;
  g_assert_cmpint(ledger_read(fixture->store, "posting1", NULL, note_line, out, &summary, NULL), ==, RES_OK);
  g_assert_cmpint(summary.lines, ==, 450);
  g_assert_true(g_str_has_prefix(out->str, "x1@example.net waiting 0 \nx2@"));
  g_assert_true(g_str_has_suffix(out->str, "\nx450@example.net waiting 0 \n"));
  g_string_truncate(out, 0);
  g_assert_cmpint(ledger_read(fixture->store, "posting1", "x333@example.net", note_line, out, &summary, NULL), ==, RES_OK);
  g_assert_cmpstr(out->str, ==, "x333@example.net waiting 0 \n");
}

/* --- pruning --- */

struct prune {
  int64_t before, n;
  int limit;
};

static enum res
write_prune(struct tx *tx, void *arg, GError **error)
{
  struct prune *prune = arg;
  return ledger_prune(tx, prune->before, prune->limit, &prune->n, error);
}

static int64_t
prune(struct fixture *fixture, int64_t before, int limit)
{
  struct prune args = { .before = before, .limit = limit };
  fixture_write(fixture, write_prune, &args);
  return args.n;
}

static void
test_prune(void)
{
  OWN(fixture) fixture = fixture_new(3);
  for (int i = 0; i < 3; i++)
    fixture_post(fixture);
  for (int i = 0; i < 6; i++)
    step(fixture, 2, NULL);
  fixture_run(fixture, "UPDATE chunk SET state = 2");
  fixture_run(fixture, "INSERT INTO recipient (delivery_id, address, state, next_at, first_at) VALUES (1, 'x', 3, 0, 1), (3, 'x', 0, 0, 1)");
  fixture_run(fixture, "UPDATE delivery SET state = 2, done_at = id * 100, created_at = id * 10 WHERE id < 3");
  fixture_run(fixture, "UPDATE delivery SET created_at = 1000 WHERE id = 3");
  fixture_run(fixture, "INSERT INTO bounce (list_id, member_id, address, delivery_id, at, reply) VALUES (1, 1, 'x', 1, 50, ''), (1, 1, 'x', 1, 9000, '')");
  g_assert_cmpint(prune(fixture, 50, 100), ==, 0);
  g_assert_cmpint(prune(fixture, 100, 100), ==, 1); /* the older bounce */
  g_assert_cmpint(prune(fixture, 101, 3), ==, 3); /* two chunks and a recipient of the first */
  g_assert_cmpint(prune(fixture, 101, 3), ==, 1); /* itself */
  g_assert_cmpint(prune(fixture, 101, 3), ==, 0);
  g_assert_cmpint(prune(fixture, 5000, 100), ==, 3);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM delivery"), ==, 1); /* the open one stays */
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM chunk"), ==, 2);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM recipient"), ==, 1);
}

/* --- workload --- */

static enum res
read_workload(struct tx *tx, void *arg, GError **error)
{
  return workload_read(tx, T0 + CLOCK_MINUTE, arg, error);
}

static void
test_workload(void)
{
  OWN(fixture) fixture = scene();
  struct workload workload;
  g_assert_cmpint(store_read(fixture->store, read_workload, &workload, NULL), ==, RES_OK);
  g_assert_cmpint(workload.chunks_waiting, ==, 0);
  g_assert_cmpint(workload.chunks_sending, ==, 1);
  g_assert_cmpint(workload.recipients_waiting, ==, 1);
  g_assert_cmpint(workload.recipients_due, ==, 0);
  g_assert_cmpint(workload.recipients_sending, ==, 0);
  g_assert_cmpint(workload.oldest_at, ==, T0 + 1);
  g_assert_cmpint(workload.next_at, ==, T0 + 1 + 5 * CLOCK_MINUTE);
  fixture_run(fixture, "UPDATE recipient SET state = 1 WHERE state = 0");
  fixture_run(fixture, "UPDATE chunk SET state = 0");
  g_assert_cmpint(store_read(fixture->store, read_workload, &workload, NULL), ==, RES_OK);
  g_assert_cmpint(workload.chunks_waiting, ==, 2);
  g_assert_cmpint(workload.recipients_sending, ==, 1);
  g_assert_cmpint(workload.recipients_waiting, ==, 0);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  g_test_add_func("/ledger/read", test_read);
  g_test_add_func("/ledger/left", test_left);
  g_test_add_func("/ledger/summary", test_summary);
  g_test_add_func("/ledger/pages", test_pages);
  g_test_add_func("/ledger/prune", test_prune);
  g_test_add_func("/workload/read", test_workload);
  return g_test_run();
}
