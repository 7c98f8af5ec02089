#include "courier/ledger.h"
#include "base/clock.h"
#include "base/log.h"
#include "courier/claim.h"
#include "courier/fixture.h"
#include "courier/ledger_story.h"
#include "courier/record.h"
#include "courier/workload.h"

#define T0 INT64_C(1800000000000000)

struct step {
  size_t chunk_size;
  const char *letters; /* NULL: nothing is recorded */
  int64_t now;
  const char *reply;
  enum outlet_result result;
};

/* Claims a piece of work and records a letter for each target (P S D F B K); the second transaction of the third connection. */
static enum res
write_step(struct tx *tx, void *arg, GError **error)
{
  static const struct retry_schedule schedule = { .first = 5 * CLOCK_MINUTE, .max = 4 * CLOCK_HOUR, .lifetime = 5 * CLOCK_DAY };
  const struct step *step = arg;
  OWN(claim) claim = NULL;
  int64_t next_at;
  enum res res = claim_next(tx, &(struct claim_options){ .chunk_size = step->chunk_size, .outlet = "", .now = step->now }, &claim, &next_at, error);
  if (res != RES_OK || step->letters == NULL)
    return res;
  g_assert_nonnull(claim);
  g_assert_cmpuint(claim->targets->len, ==, strlen(step->letters));
  struct transmission mail;
  struct record_counts counts;
  transmission_init(&mail, SHAPE_BATCH, claim->targets->len);
  g_strlcpy(mail.via, "mx:25 3/2", sizeof mail.via);
  int reply = transmission_reply(&mail, g_strdup(step->reply ? step->reply : "250 x"));
  ((struct transmission_reply *)g_ptr_array_index(mail.replies, 0))->at = step->now + 1;
  for (size_t i = 0; i < mail.n; i++) {
    mail.recipients[i].outcome = (enum outcome)(strchr("PSDFBK", step->letters[i]) - "PSDFBK");
    mail.recipients[i].reply = mail.recipients[i].outcome == OUTCOME_SKIPPED || mail.recipients[i].outcome == OUTCOME_PENDING ? -1 : reply;
  }
  res = record_outcomes(tx, &(struct record){ .claim = claim, .mail = &mail, .result = step->result, .why = "lost", .retry = &schedule, .now = step->now + 1 },
                        &counts, error);
  transmission_clear(&mail);
  return res;
}

static void
step(struct fixture *fixture, size_t chunk_size, const char *letters)
{
  fixture_write(fixture, write_step, &(struct step){ .chunk_size = chunk_size, .letters = letters, .now = T0 });
}

static void
step_at(struct fixture *fixture, int64_t now, const char *letters, const char *reply)
{
  fixture_write(fixture, write_step, &(struct step){ .chunk_size = 100, .letters = letters, .now = now, .reply = reply });
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

/* --- all recipients --- */

static void
note_line(const struct ledger_line *line, void *arg)
{
  g_string_append_printf(arg, "%s %s %d %s|%s%s", line->address, line->state, line->attempts, line->via, line->reply,
                         line->at > 0 ? " at" : line->next_at > 0 ? " next" : "");
  g_string_append(arg, line->returned ? " returned\n" : "\n");
}

static enum res
read_all(struct fixture *fixture, const char *code, GString *out, struct ledger_summary *summary)
{
  g_autoptr(GError) error = NULL;
  enum res res = ledger_read(fixture->store, code, note_line, out, summary, &error);
  g_assert_no_error(error);
  return res;
}

static void
test_read(void)
{
  OWN(fixture) fixture = scene();
  g_autoptr(GString) out = g_string_new(NULL);
  struct ledger_summary summary;
  fixture_run(fixture, "INSERT INTO bounce (list_id, member_id, address, delivery_id, kind, at, reply) VALUES (1, 2, '', 1, 1, 5, 'x'), (1, 3, '', 2, 1, 5, 'x')");
  g_assert_cmpint(read_all(fixture, "posting1", out, &summary), ==, RES_OK);
  g_assert_cmpstr(out->str, ==,
                  "m4@example.net deferred 1 mx:25 3/2|250 x next\nm5@example.net failed 1 mx:25 3/2|250 x at\nm6@example.net sending 0 |\n"
                  "m1@example.net sent 1 mx:25 3/2|250 x at\nm2@example.net sent 1 mx:25 3/2|250 x at returned\nm3@example.net sent 1 mx:25 3/2|250 x at\n");
  g_assert_cmpint(read_all(fixture, "posting9", out, &summary), ==, RES_MORE);
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
  g_assert_cmpint(read_all(fixture, "posting1", out, &summary), ==, RES_OK);
  g_assert_cmpint(summary.deliveries, ==, 1);
  g_assert_cmpint(summary.open, ==, 0);
  g_assert_cmpint(summary.lines, ==, 5);
  g_assert_cmpint(summary.skips.roster.digest, ==, 1);
  g_assert_cmpint(summary.skips.roster.disabled, ==, 1);
  g_assert_cmpint(summary.skips.roster.own, ==, 0);
  g_assert_cmpint(summary.skips.copy, ==, 1);
  g_assert_cmpint(summary.skips.removed, ==, 0);
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
  g_assert_cmpint(read_all(fixture, "posting1", out, &summary), ==, RES_OK);
  g_assert_cmpint(summary.lines, ==, 450);
  g_assert_true(g_str_has_prefix(out->str, "x1@example.net waiting 0 |\nx2@"));
  g_assert_true(g_str_has_suffix(out->str, "\nx450@example.net waiting 0 |\n"));
}

/* --- one of them --- */

/* Lines, then events after the two of the posting and that of the delivery. Owned by the caller. */
static char *
story_text(struct fixture *fixture, const char *code, const char *address)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GString) out = g_string_new(NULL);
  OWN(ledger_story) story = NULL;
  enum res res = ledger_story_read(fixture->store, code, address, &story, &error);
  if (res != RES_OK)
    return g_strdup(res == RES_MORE ? "none" : error->message);
  for (guint i = 0; i < story->lines->len; i++)
    note_line(g_ptr_array_index(story->lines, i), out);
  for (guint i = 0; i < story->events->len; i++) {
    static const char *const first[] = { "received", "accepted", "queued" };
    const struct ledger_event *event = g_ptr_array_index(story->events, i);
    if (i < G_N_ELEMENTS(first))
      g_assert_cmpstr(event->what, ==, first[i]);
    else
      g_string_append_printf(out, "%" G_GINT64_FORMAT " %s %s|%s\n", (event->at - T0) / CLOCK_SECOND, event->what, event->via, event->text);
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static void
assert_story(struct fixture *fixture, const char *address, const char *wanted)
{
  g_autofree char *got = story_text(fixture, "posting1", address);
  g_test_message("%s", address);
  g_assert_cmpstr(got, ==, wanted);
}

static const struct {
  const char *address, *wanted;
} stories[] = {
  { "M2@EXAMPLE.NET", "m2@example.net sent 1 mx:25 3/2|250 x at\n0 sent mx:25 3/2|250 x\n" },
  { "m4@example.net", "m4@example.net deferred 1 mx:25 3/2|250 x next\n0 deferred mx:25 3/2|250 x\n" },
  { "m5@example.net", "m5@example.net failed 1 mx:25 3/2|250 x at\n0 failed mx:25 3/2|250 x\n0 bounce |the refusal counts against the address\n" },
  { "m6@example.net", "m6@example.net sending 0 |\n" },
  { "m7@example.net", "m7@example.net waiting 0 |\n" },
  { "X@example.net", "x@example.net none 0 |no member has this address, and none who left had it\n" },
  { "x y", "\"x y\" is no address" },
};

static void
test_story(void)
{
  OWN(fixture) fixture = scene();
  for (size_t i = 0; i < G_N_ELEMENTS(stories); i++)
    assert_story(fixture, stories[i].address, stories[i].wanted);
  g_autofree char *none = story_text(fixture, "posting9", "m1@example.net");
  g_assert_cmpstr(none, ==, "none");
}

static void
test_story_of_retries(void)
{
  OWN(fixture) fixture = fixture_new(2);
  fixture_post(fixture);
  step_at(fixture, T0, "DD", "451 a");
  step_at(fixture, T0 + CLOCK_HOUR, "DD", "452 b");
  step_at(fixture, T0 + CLOCK_DAY, "SD", "x c");
  step_at(fixture, T0 + 6 * CLOCK_DAY, "D", "452 d");
  assert_story(fixture, "m1@example.net",
               "m1@example.net sent 3 mx:25 3/2|x c at\n0 deferred mx:25 3/2|451 a\n3600 deferred mx:25 3/2|452 b\n86400 sent mx:25 3/2|x c\n");
  assert_story(fixture, "m2@example.net",
               "m2@example.net failed 4 mx:25 3/2|given up after 4 attempts: 452 d at\n0 deferred mx:25 3/2|451 a\n3600 deferred mx:25 3/2|452 b\n"
               "86400 deferred mx:25 3/2|x c\n518400 failed mx:25 3/2|452 d\n518400 given up |\n");
}

/* The connection breaks, then nobody is answered any more: the rest goes on in a chunk of its own. */
static void
test_story_of_breaks(void)
{
  OWN(fixture) fixture = fixture_new(2);
  fixture_post(fixture);
  struct step broken = { .chunk_size = 100, .letters = "PP", .now = T0, .result = OUTLET_BROKEN };
  fixture_write(fixture, write_step, &broken);
  broken = (struct step){ .chunk_size = 100, .letters = "SP", .now = T0 + CLOCK_MINUTE, .result = OUTLET_BROKEN };
  fixture_write(fixture, write_step, &broken);
  step_at(fixture, T0 + CLOCK_HOUR, "S", NULL);
  assert_story(fixture, "m1@example.net", "m1@example.net sent 2 mx:25 3/2|250 x at\n0 broken mx:25 3/2|lost\n60 sent mx:25 3/2|250 x\n");
  assert_story(fixture, "m2@example.net", "m2@example.net sent 1 mx:25 3/2|250 x at\n60 broken mx:25 3/2|lost\n3600 sent mx:25 3/2|250 x\n");
}

/* A list is removed in the middle: those who had no copy yet are told so, whether they have been taken away already or not; who left before is not. */
static void
test_story_of_a_removed_list(void)
{
  OWN(fixture) fixture = fixture_new(5);
  fixture_set_member(fixture, 2, "delivery_mode", "mime_digests");
  fixture_post(fixture);
  fixture_remove_member(fixture, 3);
  step(fixture, 1, "S");
  fixture_run(fixture, "UPDATE list SET removed_at = 1800000000000000");
  fixture_run(fixture, "UPDATE member SET left_at = 1800000000000001 WHERE id = 4");
  step(fixture, 10, NULL);
  const struct { const char *address, *wanted; } rows[] = {
    { "m1@example.net", "m1@example.net sent 1 mx:25 3/2|250 x at\n0 sent mx:25 3/2|250 x\n" },
    { "m2@example.net", "m2@example.net passed over 0 |it is in digest mode\n" },
    { "m3@example.net", "m3@example.net passed over 0 |it had left the list before its turn, or its delivery was switched off\n" },
    { "m4@example.net", "m4@example.net passed over 0 |the list was removed before its turn\n" },
    { "m5@example.net", "m5@example.net passed over 0 |the list was removed before its turn\n" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    assert_story(fixture, rows[i].address, rows[i].wanted);
}

static void
test_story_of_those_passed_over(void)
{
  OWN(fixture) fixture = fixture_new(6);
  fixture_add_member(fixture, "ann@example.org"); /* who writes */
  fixture_set_member(fixture, 1, "delivery_mode", "mime_digests");
  fixture_set_member(fixture, 2, "delivery_status", "by_user");
  fixture_run(fixture, "UPDATE member SET receive_own = 0 WHERE id = 7");
  fixture_post(fixture);
  fixture_remove_member(fixture, 5);
  fixture_add_member(fixture, "late@example.net");
  step(fixture, 100, "SKS");
  fixture_remove_member(fixture, 6);
  const struct { const char *address, *wanted; } rows[] = {
    { "m1@example.net", "m1@example.net passed over 0 |it is in digest mode\n" },
    { "m2@example.net", "m2@example.net passed over 0 |its delivery is switched off\n" },
    { "m4@example.net", "m4@example.net passed over 0 |it stands in To or Cc, and wants one copy only\n" },
    { "m5@example.net", "m5@example.net passed over 0 |it had left the list before its turn, or its delivery was switched off\n" },
    { "m6@example.net", "m6@example.net sent 1 mx:25 3/2|250 x at\n0 sent mx:25 3/2|250 x\n" },
    { "ann@example.org", "ann@example.org passed over 0 |it does not want its own postings\n" },
    { "late@example.net", "late@example.net passed over 0 |it joined after the posting was accepted\n" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    assert_story(fixture, rows[i].address, rows[i].wanted);
  fixture_set_member(fixture, 1, "delivery_mode", "regular");
  assert_story(fixture, "m1@example.net", "m1@example.net passed over 0 |its delivery was switched off, or it was in digest mode; it is no more\n");
}

static void
test_story_of_what_came_back(void)
{
  OWN(fixture) fixture = scene();
  fixture_run(fixture, "INSERT INTO bounce (list_id, member_id, address, delivery_id, kind, at, reply) "
                       "VALUES (1, 2, '', 1, 2, 1800000007000000, 'later'), (1, 2, '', 1, 1, 1800000005000000, 'soon'), (1, 2, '', 2, 1, 5, 'of another')");
  assert_story(fixture, "m2@example.net",
               "m2@example.net sent 1 mx:25 3/2|250 x at returned\n0 sent mx:25 3/2|250 x\n"
               "5 returned |mail came back to the envelope sender of its own copy: message soon\n"
               "7 returned |mail came back to the envelope sender of the batch with its address behind: message later\n");
}

/* Who leaves keeps the line, and who comes again has no second one. */
static void
test_left(void)
{
  OWN(fixture) fixture = scene();
  fixture_remove_member(fixture, 1);
  fixture_add_member(fixture, "m1@example.net");
  assert_story(fixture, "m1@example.net", "m1@example.net sent 1 mx:25 3/2|250 x at\n0 sent mx:25 3/2|250 x\n");
}

/* --- a member --- */

struct finding {
  const char *key;
  int64_t posting_id, member_id, delivery_id;
  enum res res;
};

static enum res
find_member(struct tx *tx, void *arg, GError **error)
{
  struct finding *finding = arg;
  finding->res = ledger_find_member(tx, finding->posting_id, finding->key, &finding->member_id, &finding->delivery_id, error);
  return RES_OK;
}

static void
test_find_member(void)
{
  static const struct { const char *key; int64_t posting_id, wanted; } rows[] = {
    { "m1@example.net", 1, 1 }, { "m5@example.net", 1, 5 }, { "m6@example.net", 1, 6 }, { "m7@example.net", 1, 0 },
    { "m8@example.net", 1, 0 }, { "x@example.net", 1, 0 },  { "m1@example.net", 2, 0 },
  };
  OWN(fixture) fixture = scene();
  fixture_remove_member(fixture, 1);
  fixture_add_member(fixture, "m1@example.net");
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct finding finding = { .key = rows[i].key, .posting_id = rows[i].posting_id };
    g_test_message("%s", rows[i].key);
    g_assert_cmpint(store_read(fixture->store, find_member, &finding, NULL), ==, RES_OK);
    g_assert_cmpint(finding.res, ==, rows[i].wanted ? RES_OK : RES_MORE);
    if (rows[i].wanted)
      g_assert_cmpint(finding.member_id, ==, rows[i].wanted);
  }
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
  g_test_add_func("/ledger/summary", test_summary);
  g_test_add_func("/ledger/pages", test_pages);
  g_test_add_func("/ledger/story", test_story);
  g_test_add_func("/ledger/story/retries", test_story_of_retries);
  g_test_add_func("/ledger/story/breaks", test_story_of_breaks);
  g_test_add_func("/ledger/story/passed-over", test_story_of_those_passed_over);
  g_test_add_func("/ledger/story/removed-list", test_story_of_a_removed_list);
  g_test_add_func("/ledger/story/came-back", test_story_of_what_came_back);
  g_test_add_func("/ledger/story/left", test_left);
  g_test_add_func("/ledger/find-member", test_find_member);
  g_test_add_func("/ledger/prune", test_prune);
  g_test_add_func("/workload/read", test_workload);
  return g_test_run();
}
