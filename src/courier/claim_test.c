#include "courier/claim.h"
#include "base/clock.h"
#include "base/log.h"
#include "courier/fixture.h"
#include "courier/recipient.h"
#include "courier/record.h"
#include "courier/takeback.h"
#include "courier/workload.h"
#include "queue/suspect.h"
#include <glib/gstdio.h>
#include <string.h>

#define T0 INT64_C(1800000000000000)

static const struct retry_schedule schedule = { .first = 5 * CLOCK_MINUTE, .max = 4 * CLOCK_HOUR, .lifetime = 5 * CLOCK_DAY };

/* --- steps --- */

struct claiming {
  struct claim_options options;
  struct claim *claim;
  int64_t next_at;
};

static enum res
write_claim(struct tx *tx, void *arg, GError **error)
{
  struct claiming *claiming = arg;
  return claim_next(tx, &claiming->options, &claiming->claim, &claiming->next_at, error);
}

static struct claim *
take(struct fixture *fixture, size_t chunk_size, int64_t now, bool suspects, int64_t *next_at)
{
  struct claiming claiming = { .options = { .chunk_size = chunk_size, .now = now, .suspects = suspects } };
  fixture_write(fixture, write_claim, &claiming);
  if (next_at)
    *next_at = claiming.next_at;
  return claiming.claim;
}

/* The local parts of the targets, with blanks between; "-" if nothing was claimed. Owned by the caller. */
static char *
names(const struct claim *claim)
{
  if (claim == NULL)
    return g_strdup("-");
  g_autoptr(GString) out = g_string_new(NULL);
  for (guint i = 0; i < claim->targets->len; i++) {
    struct slice local = slice_until(slice_of(targets_at(claim->targets, i)->address), '@');
    g_string_append_printf(out, "%s%.*s", i ? " " : "", SLICE_FMT(local));
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static void
assert_takes(struct fixture *fixture, size_t chunk_size, int64_t now, const char *wanted)
{
  OWN(claim) claim = take(fixture, chunk_size, now, false, NULL);
  g_autofree char *got = names(claim);
  g_assert_cmpstr(got, ==, wanted);
}

struct recording {
  struct record record;
  struct record_counts counts;
};

static enum res
write_record(struct tx *tx, void *arg, GError **error)
{
  struct recording *recording = arg;
  return record_outcomes(tx, &recording->record, &recording->counts, error);
}

/* Records a letter for each target: S sent, D deferred, F failed, B bounced, P pending, K skipped. */
static struct record_counts
finish(struct fixture *fixture, const struct claim *claim, const char *letters, enum outlet_result result, int64_t now)
{
  struct transmission mail;
  g_assert_cmpuint(strlen(letters), ==, claim->targets->len);
  transmission_init(&mail, SHAPE_BATCH, claim->targets->len);
  int reply = transmission_reply(&mail, g_strdup("the reply"));
  ((struct transmission_reply *)g_ptr_array_index(mail.replies, 0))->at = now;
  for (size_t i = 0; i < mail.n; i++) {
    mail.recipients[i].outcome = (enum outcome)(strchr("PSDFBK", letters[i]) - "PSDFBK");
    mail.recipients[i].reply = letters[i] == 'K' || letters[i] == 'P' ? -1 : reply;
  }
  struct recording recording = {
    .record = { .claim = claim, .mail = &mail, .result = result, .why = "the reason", .header = SLICE("header"), .retry = &schedule, .now = now },
  };
  fixture_write(fixture, write_record, &recording);
  transmission_clear(&mail);
  return recording.counts;
}

/* Claims and records. */
static void
work(struct fixture *fixture, size_t chunk_size, int64_t now, const char *wanted, const char *letters)
{
  OWN(claim) claim = take(fixture, chunk_size, now, false, NULL);
  g_autofree char *got = names(claim);
  g_assert_cmpstr(got, ==, wanted);
  finish(fixture, claim, letters, OUTLET_DONE, now);
}

static enum res
write_takeback(struct tx *tx, void *arg, GError **error)
{
  return takeback_run(tx, arg, error);
}

/* What the next start does after a crash; gives the number of suspects. */
static int64_t
crash(struct fixture *fixture, guint set_aside)
{
  struct takeback takeback = { .taken = 0 };
  fixture_write(fixture, write_takeback, &takeback);
  g_assert_cmpuint(takeback.set_aside->len, ==, set_aside);
  int64_t suspects = takeback.suspects;
  takeback_clear(&takeback);
  return suspects;
}

/* The same, and the process left that note behind. */
static int64_t
crash_with(struct fixture *fixture, enum in_hand_kind kind, guint set_aside)
{
  g_autofree char *path = g_build_filename(fixture->directory, "in-hand", NULL);
  g_autoptr(GArray) left = NULL;
  g_assert_cmpint(in_hand_open(path, &left, NULL), ==, RES_OK);
  in_hand_forget();
  g_assert_cmpint(in_hand_take(kind, 1), >=, 0);
  in_hand_close();
  g_assert_cmpint(suspects_start(fixture->store, path, NULL), ==, RES_OK);
  int64_t suspects = crash(fixture, set_aside);
  in_hand_close();
  g_assert_cmpint(g_unlink(path), ==, 0);
  return suspects;
}

static int64_t
delivery_state(struct fixture *fixture)
{
  return fixture_number(fixture, "SELECT state FROM delivery ORDER BY id LIMIT 1");
}

/* --- who gets it --- */

static void
test_roster(void)
{
  OWN(fixture) fixture = fixture_new(7);
  fixture_post(fixture);
  fixture_add_member(fixture, "late@example.net"); /* joined after the posting was accepted */
  work(fixture, 3, T0, "m1 m2 m3", "SSS");
  work(fixture, 3, T0, "m4 m5 m6", "SSS");
  g_assert_cmpint(delivery_state(fixture), ==, 0);
  g_assert_cmpint(fixture_number(fixture, "SELECT LENGTH(header) FROM delivery"), ==, 6);
  work(fixture, 3, T0, "m7", "S");
  g_assert_cmpint(delivery_state(fixture), ==, 2);
  g_assert_cmpint(fixture_number(fixture, "SELECT header IS NULL AND done_at > 0 FROM delivery"), ==, 1);
  assert_takes(fixture, 3, T0, "-");
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM recipient"), ==, 0);
}

static void
test_preferences(void)
{
  OWN(fixture) fixture = fixture_new(8);
  fixture_add_member(fixture, "Ann@Example.org");
  fixture_set_member(fixture, 1, "delivery_mode", "mime_digests");
  fixture_set_member(fixture, 2, "delivery_status", "by_user");
  fixture_set_member(fixture, 3, "delivery_status", "by_bounces");
  fixture_set_member(fixture, 4, "receive_own_postings", "false"); /* is not the author */
  fixture_set_member(fixture, 5, "receive_list_copy", "false");
  fixture_set_member(fixture, 6, "delivery_mode", "summary_digests");
  fixture_post(fixture);
  fixture_remove_member(fixture, 7);
  fixture_run(fixture, "UPDATE member SET receive_own = 0 WHERE address_id = (SELECT id FROM address WHERE key = 'ann@example.org')");
  OWN(claim) claim = take(fixture, 100, T0, false, NULL);
  g_autofree char *got = names(claim);
  g_assert_cmpstr(got, ==, "m4 m5 m8");
  g_assert_false(targets_at(claim->targets, 0)->no_copy);
  g_assert_true(targets_at(claim->targets, 1)->no_copy);
  finish(fixture, claim, "SKS", OUTLET_DONE, T0);
  g_autofree char *replies = fixture_text(fixture, "SELECT replies FROM chunk");
  g_assert_cmpstr(replies, ==, "skipped digest=2 disabled=2 own=1 copy=0\nskipped copy=1 removed=0 member=5\nvia 1800000000000000\n2 the reply\n");
  g_assert_cmpint(fixture_number(fixture, "SELECT count FROM chunk"), ==, 2);
  g_assert_cmpint(delivery_state(fixture), ==, 2);
}

/* Nobody to send to: it ends by itself, and says whom it passed over. */
static void
test_nobody(void)
{
  OWN(fixture) fixture = fixture_new(3);
  for (int i = 1; i <= 3; i++)
    fixture_set_member(fixture, i, "delivery_mode", "plaintext_digests");
  fixture_post(fixture);
  assert_takes(fixture, 2, T0, "-");
  g_assert_cmpint(delivery_state(fixture), ==, 2);
  g_autofree char *replies = fixture_text(fixture, "SELECT replies FROM chunk WHERE state = 2 AND count = 0");
  g_assert_cmpstr(replies, ==, "skipped digest=3 disabled=0 own=0 copy=0\n");
}

static void
test_empty_list(void)
{
  OWN(fixture) fixture = fixture_new(0);
  fixture_post(fixture);
  int64_t next_at;
  g_assert_null(take(fixture, 2, T0, false, &next_at));
  g_assert_cmpint(next_at, ==, INT64_MAX);
  g_assert_cmpint(delivery_state(fixture), ==, 2);
}

static void
test_list_removed(void)
{
  OWN(fixture) fixture = fixture_new(3);
  fixture_post(fixture);
  work(fixture, 1, T0, "m1", "S");
  fixture_run(fixture, "UPDATE list SET removed_at = 1");
  assert_takes(fixture, 2, T0, "-");
  g_assert_cmpint(delivery_state(fixture), ==, 2);
}

/* What waits to be tried again is not tried again when the list is gone, even if its members have not been taken away yet. */
static void
test_list_removed_while_waiting(void)
{
  OWN(fixture) fixture = fixture_new(4);
  fixture_post(fixture);
  work(fixture, 2, T0, "m1 m2", "DS");
  OWN(claim) claim = take(fixture, 2, T0, false, NULL);
  finish(fixture, claim, "PP", OUTLET_DOWN, T0);
  fixture_run(fixture, "UPDATE list SET removed_at = 1");
  assert_takes(fixture, 2, T0, "-");
  assert_takes(fixture, 2, T0 + CLOCK_DAY, "-");
  g_assert_cmpint(delivery_state(fixture), ==, 2);
  g_assert_cmpint(fixture_number(fixture, "SELECT state FROM recipient"), ==, RECIPIENT_LEFT);
}

/* More members in digest mode than one transaction looks at: nothing is claimed, but it is to be called again. */
static void
test_long_skip(void)
{
  OWN(fixture) fixture = fixture_new(2);
  fixture_run(fixture,
              "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000) "
              "INSERT INTO address (key, email, registered_at) SELECT 'x' || i || '@example.net', 'x' || i || '@example.net', 1 FROM n");
  fixture_run(fixture, "INSERT INTO member (list_id, address_id, role, join_number, mode, joined_at) SELECT 1, id, 0, id + 1000, 1, 1 FROM address WHERE key LIKE 'x%'");
  fixture_run(fixture, "UPDATE member SET join_number = 20000 WHERE address_id = (SELECT id FROM address WHERE key = 'm2@example.net')");
  fixture_run(fixture, "UPDATE list SET next_join = 20001");
  fixture_post(fixture);
  work(fixture, 1, T0, "m1", "S");
  int64_t next_at;
  g_assert_null(take(fixture, 1, T0, false, &next_at));
  g_assert_cmpint(next_at, <=, T0);
  work(fixture, 1, T0, "m2", "S");
  g_assert_cmpint(delivery_state(fixture), ==, 2);
}

static void
test_addresses(void)
{
  static const char *const addresses[] = { "o1@example.org", "o2@example.org", NULL };
  OWN(fixture) fixture = fixture_new(1);
  fixture_post_to(fixture, addresses);
  work(fixture, 100, T0, "o1 o2", "SD");
  g_assert_cmpint(delivery_state(fixture), ==, 0);
  assert_takes(fixture, 100, T0, "-");
  work(fixture, 100, T0 + 5 * CLOCK_MINUTE, "o2", "S");
  g_assert_cmpint(delivery_state(fixture), ==, 2);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM recipient WHERE state = 2 AND reply = 'the reply'"), ==, 2);
}

static void
test_fair(void)
{
  OWN(fixture) fixture = fixture_new(4);
  fixture_post(fixture);
  fixture_post(fixture);
  static const int64_t order[] = { 1, 2, 1, 2 };
  for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
    OWN(claim) claim = take(fixture, 2, T0 + (int64_t)i, false, NULL);
    g_assert_cmpint(claim->delivery_id, ==, order[i]);
  }
}

/* --- what becomes of it --- */

static void
test_refused(void)
{
  OWN(fixture) fixture = fixture_new(5);
  fixture_post(fixture);
  OWN(claim) claim = take(fixture, 10, T0, false, NULL);
  struct record_counts counts = finish(fixture, claim, "SDFBS", OUTLET_DONE, T0 + 1);
  g_assert_cmpint(counts.sent, ==, 2);
  g_assert_cmpint(counts.deferred, ==, 1);
  g_assert_cmpint(counts.failed, ==, 2);
  g_assert_cmpint(fixture_number(fixture, "SELECT count FROM chunk WHERE state = 2"), ==, 2);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM recipient WHERE state = 3 AND done_at IS NOT NULL"), ==, 2);
  g_autofree char *bounce = fixture_text(fixture, "SELECT address || ' ' || reply || ' ' || list_id FROM bounce");
  g_assert_cmpstr(bounce, ==, "m4@example.net the reply 1");
  g_assert_cmpint(fixture_number(fixture, "SELECT next_at FROM recipient WHERE state = 0 AND address = 'm2@example.net'"), ==, T0 + 1 + 5 * CLOCK_MINUTE);
  g_assert_cmpint(delivery_state(fixture), ==, 0);
}

/* 5, 10, 20 … minutes, 4 hours at most, a last time after exactly 5 days, then it has failed; that is no bounce. */
static void
test_schedule(void)
{
  OWN(fixture) fixture = fixture_new(1);
  fixture_post(fixture);
  work(fixture, 10, T0, "m1", "D");
  int64_t now = T0, pause = 5 * CLOCK_MINUTE, next_at;
  int attempts = 1;
  while (now < T0 + 5 * CLOCK_DAY) {
    int64_t wanted = MIN(now + pause, T0 + 5 * CLOCK_DAY);
    g_assert_null(take(fixture, 10, wanted - 1, false, &next_at));
    g_assert_cmpint(next_at, ==, wanted);
    now = wanted;
    work(fixture, 10, now, "m1", "D");
    g_assert_cmpint(fixture_number(fixture, "SELECT attempts FROM recipient"), ==, ++attempts);
    pause = MIN(pause * 2, 4 * CLOCK_HOUR);
  }
  g_assert_cmpint(attempts, ==, 36);
  g_assert_cmpint(delivery_state(fixture), ==, 2);
  g_autofree char *reply = fixture_text(fixture, "SELECT reply FROM recipient WHERE state = 3");
  g_assert_cmpstr(reply, ==, "given up after 36 attempts: the reply");
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM bounce"), ==, 0);
}

static void
test_left_meanwhile(void)
{
  OWN(fixture) fixture = fixture_new(2);
  fixture_post(fixture);
  work(fixture, 10, T0, "m1 m2", "DD");
  fixture_remove_member(fixture, 1);
  work(fixture, 10, T0 + CLOCK_DAY, "m2", "S");
  g_assert_cmpint(fixture_number(fixture, "SELECT state FROM recipient WHERE address = 'm1@example.net'"), ==, 4);
  g_assert_cmpint(delivery_state(fixture), ==, 2);
}

static void
test_switched_off_meanwhile(void)
{
  OWN(fixture) fixture = fixture_new(2);
  fixture_post(fixture);
  work(fixture, 10, T0, "m1 m2", "DD");
  fixture_run(fixture, "UPDATE member SET status = 1 WHERE id = 1");
  work(fixture, 10, T0 + CLOCK_DAY, "m2", "S");
  g_assert_cmpint(fixture_number(fixture, "SELECT state FROM recipient WHERE address = 'm1@example.net'"), ==, 4);
  g_assert_cmpint(delivery_state(fixture), ==, 2);
}

/* Not reached: everything waits as it was, at once, for as long as it takes. */
/* Addresses change while copies are on their way: who was refused for a while is tried again at the new one; a failure stays with the one that failed. */
static void
test_address_changes_meanwhile(void)
{
  OWN(fixture) fixture = fixture_new(4);
  fixture_post(fixture);
  OWN(claim) claim = take(fixture, 10, T0, false, NULL);
  fixture_run(fixture, "INSERT INTO address (key, email, registered_at) VALUES ('new1@example.net', 'New1@example.net', 1), ('new2@example.net', 'New2@example.net', 1)");
  fixture_run(fixture, "UPDATE member SET address_id = (SELECT id FROM address WHERE key = 'new' || member.id || '@example.net') WHERE id <= 2");
  finish(fixture, claim, "DFDS", OUTLET_DONE, T0);
  OWN(claim) again = take(fixture, 10, T0 + CLOCK_HOUR, false, NULL);
  fixture_run(fixture, "INSERT INTO address (key, email, registered_at) VALUES ('new3@example.net', 'New3@example.net', 1)");
  fixture_run(fixture, "UPDATE member SET address_id = (SELECT id FROM address WHERE key = 'new3@example.net') WHERE id = 3");
  finish(fixture, again, "DD", OUTLET_DONE, T0 + CLOCK_HOUR);
  assert_takes(fixture, 10, T0 + 2 * CLOCK_HOUR, "New1 New3");
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM recipient WHERE state = 3 AND address = 'm2@example.net'"), ==, 1);
}

static void
test_down(void)
{
  OWN(fixture) fixture = fixture_new(2);
  fixture_post(fixture);
  for (int i = 0; i < 50; i++) {
    OWN(claim) claim = take(fixture, 10, T0 + i * CLOCK_DAY, false, NULL);
    g_autofree char *got = names(claim);
    g_assert_cmpstr(got, ==, "m1 m2");
    g_assert_cmpint(claim->attempts, ==, 0);
    finish(fixture, claim, "PP", OUTLET_DOWN, T0 + i * CLOCK_DAY);
  }
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM chunk"), ==, 1);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM recipient"), ==, 0);
  work(fixture, 10, T0 + 60 * CLOCK_DAY, "m1 m2", "SD");
  OWN(claim) claim = take(fixture, 10, T0 + 61 * CLOCK_DAY, false, NULL);
  finish(fixture, claim, "P", OUTLET_DOWN, T0 + 61 * CLOCK_DAY);
  g_assert_cmpint(fixture_number(fixture, "SELECT attempts FROM recipient WHERE state = 0"), ==, 1);
}

/* Broken without getting anywhere: with pauses, and a few times; then it counts against the recipients. */
static void
test_broken(void)
{
  OWN(fixture) fixture = fixture_new(2);
  fixture_post(fixture);
  int64_t now = T0, next_at;
  for (int i = 1; i < RECORD_BREAKS_MAX; i++) {
    OWN(claim) claim = take(fixture, 10, now, false, NULL);
    finish(fixture, claim, "PP", OUTLET_BROKEN, now);
    g_assert_null(take(fixture, 10, now, false, &next_at));
    g_assert_cmpint(next_at, ==, now + (CLOCK_SECOND << (i - 1)));
    now = next_at;
  }
  OWN(claim) claim = take(fixture, 10, now, false, NULL);
  finish(fixture, claim, "PP", OUTLET_BROKEN, now);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM recipient WHERE state = 0 AND reply = 'the reason' AND attempts = 1"), ==, 2);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM chunk WHERE state = 2 AND count = 0"), ==, 1);
}

/* Broken after some were answered: these are recorded, the others stay together in a chunk of their own. */
static void
test_broken_in_the_middle(void)
{
  OWN(fixture) fixture = fixture_new(5);
  fixture_post(fixture);
  OWN(claim) claim = take(fixture, 10, T0, false, NULL);
  finish(fixture, claim, "SBPPD", OUTLET_BROKEN, T0);
  work(fixture, 10, T0 + CLOCK_SECOND, "m3 m4", "SS");
  g_assert_cmpint(fixture_number(fixture, "SELECT SUM(count) FROM chunk WHERE state = 2"), ==, 3);
  work(fixture, 10, T0 + CLOCK_DAY, "m5", "S");
  g_assert_cmpint(delivery_state(fixture), ==, 2);
}

/* --- crashes --- */

static void
test_takeback(void)
{
  OWN(fixture) fixture = fixture_new(4);
  fixture_post(fixture);
  work(fixture, 2, T0, "m1 m2", "DS");
  assert_takes(fixture, 2, T0 + CLOCK_DAY, "m1");
  assert_takes(fixture, 2, T0 + CLOCK_DAY, "m3 m4");
  assert_takes(fixture, 2, T0 + CLOCK_DAY, "-");
  g_assert_cmpint(crash(fixture, 0), ==, 0);
  g_assert_cmpint(fixture_number(fixture, "SELECT strikes FROM delivery"), ==, 1);
  fixture_remove_member(fixture, 3);
  g_assert_cmpint(fixture_number(fixture, "SELECT attempts FROM recipient"), ==, 1);
  OWN(claim) first = take(fixture, 2, T0 + CLOCK_DAY, false, NULL);
  OWN(claim) second = take(fixture, 2, T0 + CLOCK_DAY, false, NULL);
  g_autofree char *one = names(first), *other = names(second);
  g_assert_cmpstr(one, ==, "m4");
  g_assert_cmpstr(other, ==, "m1");
  finish(fixture, first, "S", OUTLET_DONE, T0 + CLOCK_DAY);
  g_assert_cmpint(fixture_number(fixture, "SELECT strikes FROM delivery"), ==, 0);
  finish(fixture, second, "S", OUTLET_DONE, T0 + CLOCK_DAY);
  g_assert_cmpint(delivery_state(fixture), ==, 2);
}

static void
test_crash_loop(void)
{
  OWN(fixture) fixture = fixture_new(2);
  fixture_post(fixture);
  assert_takes(fixture, 10, T0, "m1 m2");
  g_assert_cmpint(crash(fixture, 0), ==, 0);
  assert_takes(fixture, 10, T0, "m1 m2");
  g_assert_cmpint(crash(fixture, 0), ==, 1);
  int64_t next_at;
  g_assert_null(take(fixture, 10, T0, false, &next_at)); /* not among the others */
  g_assert_cmpint(next_at, ==, INT64_MAX);
  fixture_post(fixture);
  assert_takes(fixture, 10, T0, "m1 m2");
  OWN(claim) beside = take(fixture, 10, T0, true, NULL);
  g_assert_cmpint(beside->delivery_id, ==, 1);
  g_assert_cmpint(crash(fixture, 0), ==, 1); /* it was not alone: the other may have been the cause */
  work(fixture, 10, T0, "m1 m2", "SS");
  OWN(claim) claim = take(fixture, 10, T0, true, NULL); /* alone */
  g_assert_cmpint(claim->delivery_id, ==, 1);
  g_assert_cmpint(crash_with(fixture, IN_HAND_AT_WORK, 1), ==, 0);
  g_assert_cmpint(delivery_state(fixture), ==, 1);
  g_assert_null(take(fixture, 10, T0, true, NULL));
}

/* Who dies while it waits for its next hop was probably killed from outside; but if it always dies it is no better than poison. */
static void
test_crashes_while_waiting(void)
{
  OWN(fixture) fixture = fixture_new(2);
  fixture_post(fixture);
  for (int strikes = 0; strikes < STRIKES_ALONE; strikes++) {
    OWN(claim) claim = take(fixture, 10, T0, false, NULL);
    g_assert_nonnull(claim);
    g_assert_cmpint(crash_with(fixture, IN_HAND_AT_WORK, 0), ==, strikes == STRIKES_ALONE - 1);
  }
  for (int strikes = STRIKES_ALONE; strikes < STRIKES_SET_ASIDE; strikes++) {
    OWN(claim) claim = take(fixture, 10, T0, true, NULL);
    g_assert_nonnull(claim);
    bool last = strikes == STRIKES_SET_ASIDE - 1;
    g_assert_cmpint(crash_with(fixture, IN_HAND_WAITING, last), ==, !last);
  }
  g_assert_cmpint(delivery_state(fixture), ==, 1);
}

/* A suspect of which nothing is due yet: both sides are told when to look, each for its own. */
static void
test_suspect_waits(void)
{
  OWN(fixture) fixture = fixture_new(2);
  fixture_post(fixture);
  work(fixture, 10, T0, "m1 m2", "DS");
  fixture_run(fixture, "UPDATE delivery SET strikes = 2");
  int64_t next_at;
  g_assert_null(take(fixture, 10, T0, false, &next_at));
  g_assert_cmpint(next_at, ==, INT64_MAX);
  g_assert_null(take(fixture, 10, T0, true, &next_at));
  g_assert_cmpint(next_at, ==, T0 + schedule.first);
  OWN(claim) claim = take(fixture, 10, T0 + schedule.first, true, NULL);
  g_autofree char *got = names(claim);
  g_assert_cmpstr(got, ==, "m1");
}

static enum res
write_retry(struct tx *tx, void *arg, GError **error)
{
  return workload_retry(tx, 2, arg, error);
}

static void
test_retry(void)
{
  OWN(fixture) fixture = fixture_new(5);
  fixture_post(fixture);
  work(fixture, 10, T0, "m1 m2 m3 m4 m5", "DDDSS");
  fixture_post(fixture);
  OWN(claim) claim = take(fixture, 10, T0, false, NULL);
  finish(fixture, claim, "PPPPP", OUTLET_BROKEN, T0);
  fixture_run(fixture, "UPDATE delivery SET state = 1, strikes = 3 WHERE id = 2");
  assert_takes(fixture, 10, T0, "-");
  static const int64_t changes[] = { 4, 1, 0 };
  for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
    int64_t n;
    fixture_write(fixture, write_retry, &n);
    g_assert_cmpint(n, ==, changes[i]);
  }
  fixture_run(fixture, "UPDATE delivery SET served_at = id");
  assert_takes(fixture, 10, T0, "m1 m2 m3");
  assert_takes(fixture, 10, T0, "m1 m2 m3 m4 m5");
}

/* Whoever asks too early what of a delivery is due sets that right, and finds it when its time has come. */
static void
test_due_too_early(void)
{
  OWN(fixture) fixture = fixture_new(2);
  fixture_post(fixture);
  work(fixture, 10, T0, "m1 m2", "DS");
  int64_t due = fixture_number(fixture, "SELECT due_at FROM delivery"), next_at;
  g_assert_cmpint(due, ==, fixture_number(fixture, "SELECT next_at FROM recipient"));
  fixture_run(fixture, "UPDATE delivery SET due_at = 0");
  g_assert_null(take(fixture, 10, T0, false, &next_at));
  g_assert_cmpint(next_at, ==, due);
  work(fixture, 10, due, "m1", "S");
  g_assert_cmpint(delivery_state(fixture), ==, 2);
}

/* A member who wants one copy only is known as such also when it has a row of its own: of a chunk that was given up before its message could be read. */
static void
test_rows_know_who_wants_one_copy(void)
{
  OWN(fixture) fixture = fixture_new(2);
  fixture_set_member(fixture, 2, "receive_list_copy", "false");
  fixture_post(fixture);
  work(fixture, 10, T0, "m1 m2", "DD");
  OWN(claim) claim = take(fixture, 10, T0 + CLOCK_HOUR, false, NULL);
  g_assert_cmpuint(claim->targets->len, ==, 2);
  g_assert_false(targets_at(claim->targets, 0)->no_copy);
  g_assert_true(targets_at(claim->targets, 1)->no_copy);
  finish(fixture, claim, "SK", OUTLET_DONE, T0 + CLOCK_HOUR);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM recipient WHERE state = 4 AND reply LIKE '%one copy only'"), ==, 1);
}

/* Rows of both shapes: a claim takes those of the first one due, as many as that shape allows; who was refused keeps the shape. */
static void
test_rows_keep_their_shape(void)
{
  OWN(fixture) fixture = fixture_new(0);
  fixture_post_to(fixture, (const char *const[]){ "p1@example.net", "b1@example.net", "p2@example.net", "b2@example.net", NULL });
  fixture_run(fixture, "UPDATE recipient SET shape = 1 WHERE address LIKE 'p%'");
  fixture_run(fixture,
              "WITH RECURSIVE n (i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 60) "
              "INSERT INTO recipient (delivery_id, address, state, next_at, first_at, shape) SELECT 1, 'p' || i || '@example.net', 0, 1700000000000000, 1, 1 FROM n");
  OWN(claim) personal = take(fixture, 100, T0, false, NULL);
  g_assert_cmpint(personal->shape, ==, SHAPE_PERSONAL);
  g_assert_cmpuint(personal->targets->len, ==, CLAIM_PERSONAL_MAX);
  OWN(claim) batch = take(fixture, 100, T0, false, NULL);
  g_autofree char *got = names(batch);
  g_assert_cmpint(batch->shape, ==, SHAPE_BATCH);
  g_assert_cmpstr(got, ==, "b1 b2");
  OWN(claim) rest = take(fixture, 5, T0, false, NULL);
  g_assert_cmpuint(rest->targets->len, ==, 5);
  g_assert_cmpint(rest->shape, ==, SHAPE_PERSONAL);
  finish(fixture, rest, "DDDDD", OUTLET_DONE, T0);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM recipient WHERE shape = 1 AND attempts = 1"), ==, 5);
}

/* Members refused get rows of the shape of the copy they were refused. */
static void
test_refused_keep_their_shape(void)
{
  OWN(fixture) fixture = fixture_new(2);
  fixture_post(fixture);
  OWN(claim) claim = take(fixture, 100, T0, false, NULL);
  claim->shape = SHAPE_PERSONAL;
  finish(fixture, claim, "DP", OUTLET_DONE, T0);
  g_assert_cmpint(fixture_number(fixture, "SELECT shape FROM recipient"), ==, SHAPE_PERSONAL);
  g_assert_cmpint(fixture_number(fixture, "SELECT shape FROM chunk WHERE state = 0"), ==, SHAPE_PERSONAL);
}

int
main(int argc, char **argv)
{
  static const struct {
    const char *name;
    void (*run)(void);
  } tests[] = {
    { "roster", test_roster },
    { "preferences", test_preferences },
    { "nobody", test_nobody },
    { "empty list", test_empty_list },
    { "list removed", test_list_removed },
    { "list removed while waiting", test_list_removed_while_waiting },
    { "long skip", test_long_skip },
    { "addresses", test_addresses },
    { "fair", test_fair },
    { "refused", test_refused },
    { "schedule", test_schedule },
    { "left meanwhile", test_left_meanwhile },
    { "switched off meanwhile", test_switched_off_meanwhile },
    { "address changes meanwhile", test_address_changes_meanwhile },
    { "due too early", test_due_too_early },
    { "rows know who wants one copy", test_rows_know_who_wants_one_copy },
    { "down", test_down },
    { "broken", test_broken },
    { "broken in the middle", test_broken_in_the_middle },
    { "takeback", test_takeback },
    { "crashes while waiting", test_crashes_while_waiting },
    { "crash loop", test_crash_loop },
    { "suspect waits", test_suspect_waits },
    { "retry", test_retry },
    { "rows keep their shape", test_rows_keep_their_shape },
    { "refused keep their shape", test_refused_keep_their_shape },
  };
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
    g_autofree char *path = g_strdup_printf("/claim/%s", tests[i].name);
    g_test_add_func(path, tests[i].run);
  }
  return g_test_run();
}
