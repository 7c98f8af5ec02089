/* Verdicts in front of the queue: what the author sees, what is remembered, and how the delivery that follows obeys. */
#include "queue/front.h"
#include "base/clock.h"
#include "base/log.h"
#include "queue/fixture.h"
#include <string.h>

#define ANT "ant@example.com"
#define BEE "bee@example.com"

static void
set_up(struct fixture *fixture)
{
  fixture_set_up(fixture);
  fixture_list(fixture, ANT);
  fixture_list(fixture, BEE);
  fixture_member(fixture, ANT, MEMBER_MEMBER, "bea@example.org", NULL);
  fixture_member(fixture, ANT, MEMBER_MEMBER, "mod@example.org", "hold");
  fixture_member(fixture, ANT, MEMBER_MEMBER, "bad@example.org", "reject");
  fixture_member(fixture, ANT, MEMBER_NONMEMBER, "spam@example.org", "discard");
}

static struct mail
in_front(const struct mail *mail)
{
  struct mail front = *mail;
  front.judge = true;
  front.door = DOOR_FRONT;
  return front;
}

/* The reply to the first recipient. */
static enum reply
front_answer(struct fixture *fixture, const struct mail *mail)
{
  struct mail front = in_front(mail);
  return fixture_answer(fixture, &front);
}

/* Everything that could change a judgement does. */
static void
turn_about(struct fixture *fixture)
{
  static const char *const settings[][2] = {
    { "default_member_action", "discard" }, { "default_nonmember_action", "discard" }, { "max_message_size", "1" }, { "max_size_action", "hold" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(settings); i++)
    fixture_set(fixture, ANT, settings[i][0], settings[i][1]);
  fixture_run(fixture, "DELETE FROM member WHERE moderation IS NOT NULL");
  fixture_run(fixture, "INSERT INTO ban (list_id, pattern, created_at) VALUES (0, 'bea@example.org', 1)");
}

static int64_t
postings_of(struct fixture *fixture, const char *rule)
{
  g_autofree char *sql = g_strdup_printf("SELECT count(*) FROM posting WHERE rule = '%s'", rule);
  return fixture_int(fixture, g_intern_string(sql)); /* statements are known by their address */
}

/* --- one recipient: what is said in front stands behind, whatever has changed --- */

static const struct row {
  const char *name;
  struct mail mail;
  enum reply front, delivery;
  int64_t remembered, postings;
  const char *rule;
} rows[] = {
  { .name = "a member", .mail = { .to = { ANT } }, .front = REPLY_OK, .delivery = REPLY_ACCEPTED, .remembered = 1, .postings = 1, .rule = "" },
  { .name = "a moderated member", .mail = { .header_from = "mod@example.org", .to = { ANT } }, .front = REPLY_WILL_BE_HELD, .delivery = REPLY_HELD,
    .remembered = 1, .postings = 1, .rule = "member-moderation" },
  { .name = "a stranger", .mail = { .header_from = "eve@example.net", .to = { ANT } }, .front = REPLY_REFUSED, .delivery = REPLY_REFUSED, .remembered = 1 },
  { .name = "the reject list", .mail = { .header_from = "bad@example.org", .to = { ANT } }, .front = REPLY_REFUSED, .delivery = REPLY_REFUSED, .remembered = 1 },
  { .name = "the discard list", .mail = { .header_from = "spam@example.org", .to = { ANT } }, .front = REPLY_DISCARDED, .delivery = REPLY_DISCARDED,
    .remembered = 1 },
  { .name = "a loop", .mail = { .extra = "X-Listward-Loop: ant@example.com\r\n", .to = { ANT } }, .front = REPLY_LOOP, .delivery = REPLY_LOOP, .remembered = 1 },
  { .name = "malformed", .mail = { .message = "no header at all\r\n", .from = "bea@example.org", .to = { ANT } }, .front = REPLY_MALFORMED,
    .delivery = REPLY_MALFORMED, .remembered = 1 },
  { .name = "malformed, null reverse-path", .mail = { .message = "no header at all\r\n", .from = "", .to = { ANT } }, .front = REPLY_MALFORMED,
    .delivery = REPLY_DISCARDED, .remembered = 1 },
  { .name = "null reverse-path", .mail = { .from = "", .to = { ANT } }, .front = REPLY_DISCARDED, .delivery = REPLY_DISCARDED, .remembered = 1 },
  { .name = "a role", .mail = { .header_from = "eve@example.net", .to = { "ant-request@example.com" } }, .front = REPLY_OK, .delivery = REPLY_TAKEN, .postings = 1,
    .rule = "" },
  { .name = "noreply", .mail = { .to = { "noreply@example.com" } }, .front = REPLY_TAKEN, .delivery = REPLY_TAKEN },
};

static void
check_row(const struct row *row)
{
  struct fixture fixture;
  set_up(&fixture);
  struct mail mail = in_front(&row->mail);
  struct outcome front = { 0 }, behind = { 0 };
  fixture_post(&fixture, &mail, &front);
  g_test_message("%s: in front %d %s", row->name, reply_code(front.reply[0]), front.reason[0]);
  g_assert_cmpint(front.reply[0], ==, row->front);
  g_assert_cmpint(fixture_int(&fixture, "SELECT (SELECT count(*) FROM posting) + (SELECT count(*) FROM message)"), ==, 0);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM front_verdict"), ==, row->remembered);

  turn_about(&fixture);
  fixture_post(&fixture, &row->mail, &behind);
  g_test_message("%s: behind %d %s", row->name, reply_code(behind.reply[0]), behind.reason[0]);
  g_assert_cmpint(behind.reply[0], ==, row->delivery);
  if (reply_code(row->front) >= 500 || row->front == REPLY_WILL_BE_HELD)
    g_assert_cmpstr(behind.reason[0], ==, front.reason[0]);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, row->postings);
  g_assert_cmpint(postings_of(&fixture, row->rule ? row->rule : "none"), ==, row->postings);
  outcome_clear(&front);
  outcome_clear(&behind);
  fixture_tear_down(&fixture);
}

static void
test_obeyed(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    check_row(&rows[i]);
}

/* Too large is a refusal by the list's own limit. */
static void
test_too_large(void)
{
  struct fixture fixture;
  set_up(&fixture);
  struct mail mail = { .padding = 20000, .to = { ANT } };
  fixture_set(&fixture, ANT, "max_message_size", "10");
  g_assert_cmpint(front_answer(&fixture, &mail), ==, REPLY_TOO_LARGE);
  fixture_set(&fixture, ANT, "max_message_size", "0");
  g_assert_cmpint(fixture_answer(&fixture, &mail), ==, REPLY_TOO_LARGE);
  fixture_tear_down(&fixture);
}

/* --- when it is not obeyed --- */

static void
test_not_the_same(void)
{
  static const struct { const char *name; struct mail mail; } others[] = {
    { "another subject", { .header_from = "eve@example.net", .subject = "changed", .to = { ANT } } },
    { "another body", { .header_from = "eve@example.net", .padding = 1, .to = { ANT } } },
    { "another reverse-path", { .from = "srs@example.net", .header_from = "eve@example.net", .to = { ANT } } },
    { "another list of the domain", { .header_from = "eve@example.net", .to = { BEE } } },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
    struct fixture fixture;
    set_up(&fixture);
    g_test_message("%s", others[i].name);
    g_assert_cmpint(front_answer(&fixture, &(struct mail){ .header_from = "eve@example.net", .to = { ANT } }), ==, REPLY_REFUSED);
    g_assert_cmpint(fixture_answer(&fixture, &others[i].mail), ==, REPLY_HELD);
    fixture_tear_down(&fixture);
  }
}

/* The MTA's own fields, above, make no other message of it. */
static void
test_received_added(void)
{
  struct fixture fixture;
  set_up(&fixture);
  g_assert_cmpint(front_answer(&fixture, &(struct mail){ .header_from = "eve@example.net", .to = { ANT } }), ==, REPLY_REFUSED);
  struct mail behind = { .from = "EVE@Example.NET", .header_from = "eve@example.net", .extra = "Received: from a by b; x\r\n", .to = { ANT } };
  g_assert_cmpint(fixture_answer(&fixture, &behind), ==, REPLY_REFUSED);
  fixture_tear_down(&fixture);
}

static void
test_window(void)
{
  struct fixture fixture;
  set_up(&fixture);
  struct mail mail = { .header_from = "eve@example.net", .to = { ANT } };
  g_assert_cmpint(front_answer(&fixture, &mail), ==, REPLY_REFUSED);
  fixture.now += fixture.options.dedupe_window;
  g_assert_cmpint(fixture_answer(&fixture, &mail), ==, REPLY_REFUSED);
  fixture.now++;
  g_assert_cmpint(fixture_answer(&fixture, &mail), ==, REPLY_HELD);
  fixture_tear_down(&fixture);
}

/* Judged in front once more, it gets a new verdict; a door that takes the message itself judges anew, too. */
static void
test_judged_again(void)
{
  struct fixture fixture;
  set_up(&fixture);
  struct mail mail = { .header_from = "eve@example.net", .to = { ANT } }, smtp = { .header_from = "eve@example.net", .door = DOOR_FRONT, .one_reply = true, .to = { ANT } };
  g_assert_cmpint(front_answer(&fixture, &mail), ==, REPLY_REFUSED);
  fixture_member(&fixture, ANT, MEMBER_MEMBER, "eve@example.net", NULL);
  g_assert_cmpint(front_answer(&fixture, &mail), ==, REPLY_OK);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM front_verdict"), ==, 1);
  fixture_set(&fixture, ANT, "default_member_action", "reject");
  g_assert_cmpint(fixture_answer(&fixture, &smtp), ==, REPLY_REFUSED);
  g_assert_cmpint(fixture_answer(&fixture, &mail), ==, REPLY_ACCEPTED);
  fixture_tear_down(&fixture);
}

/* What a newer program has written is not understood, and judged anew; a rule that is there no more, and a word of a refusal, do no harm. */
static void
test_strange_rows(void)
{
  static const struct { const char *name, *sql; enum reply want; } table[] = {
    { "an action", "UPDATE front_verdict SET action = 9", REPLY_HELD },
    { "an action below all", "UPDATE front_verdict SET action = -1", REPLY_HELD },
    { "a ground", "UPDATE front_verdict SET ground = 77", REPLY_HELD },
    { "a rule", "UPDATE front_verdict SET rule = 'no such rule'", REPLY_REFUSED },
    { "a refusal", "UPDATE front_verdict SET reply = 'no such word'", REPLY_REFUSED },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
    struct fixture fixture;
    set_up(&fixture);
    struct mail mail = { .header_from = "eve@example.net", .to = { ANT } };
    g_test_message("%s", table[i].name);
    g_assert_cmpint(front_answer(&fixture, &mail), ==, REPLY_REFUSED);
    fixture_run(&fixture, table[i].sql);
    g_assert_cmpint(fixture_answer(&fixture, &mail), ==, table[i].want);
    fixture_tear_down(&fixture);
  }
}

/* --- several recipients --- */

/* The author hears one answer. Refused for one list and not for all, he was not told: behind the queue that is no proof of his address, and nothing bounces. */
static void
test_not_told(void)
{
  static const struct { const char *name; struct mail mail; enum unproven_policy unproven; enum reply want; const char *bee; } table[] = {
    { "another list takes it", { .header_from = "eve@example.net", .to = { ANT, BEE } }, UNPROVEN_HOLD, REPLY_HELD },
    { "a role takes it", { .header_from = "eve@example.net", .to = { ANT, "ant-request@example.com" } }, UNPROVEN_HOLD, REPLY_HELD },
    { "somebody else takes it", { .header_from = "eve@example.net", .others = true, .to = { ANT } }, UNPROVEN_HOLD, REPLY_HELD },
    { "a record refuses", { .header_from = "bad@example.org", .others = true, .to = { ANT } }, UNPROVEN_HOLD, REPLY_DISCARDED },
    { "unproven = discard", { .header_from = "eve@example.net", .others = true, .to = { ANT } }, UNPROVEN_DISCARD, REPLY_DISCARDED },
    { "unproven = refuse", { .header_from = "eve@example.net", .others = true, .to = { ANT } }, UNPROVEN_REFUSE, REPLY_REFUSED },
    { "nobody gets it: the other list discards it", { .header_from = "spam@example.org", .to = { BEE, ANT } }, UNPROVEN_HOLD, REPLY_REFUSED, "reject" },
    { "all refuse", { .header_from = "bad@example.org", .to = { ANT, "ANT@example.com" } }, UNPROVEN_HOLD, REPLY_REFUSED },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
    struct fixture fixture;
    set_up(&fixture);
    fixture_set(&fixture, BEE, "default_nonmember_action", table[i].bee ? table[i].bee : "accept");
    fixture.options.unproven = table[i].unproven;
    g_test_message("%s", table[i].name);
    g_assert_cmpint(front_answer(&fixture, &table[i].mail), ==, REPLY_REFUSED);
    fixture_set(&fixture, ANT, "default_nonmember_action", "accept"); /* obeyed, not judged again */
    g_assert_cmpint(fixture_answer(&fixture, &table[i].mail), ==, table[i].want);
    fixture_tear_down(&fixture);
  }
}

/* The proof that the delivery brings itself counts for it, as ever. */
static void
test_not_told_but_proven(void)
{
  static const char *const ids[] = { "mx.example.com", NULL };
  struct fixture fixture;
  set_up(&fixture);
  fixture.options.auth_trusted = ids;
  struct mail mail = { .header_from = "eve@example.net", .others = true, .trusted = true,
                       .extra = "Authentication-Results: mx.example.com; spf=pass smtp.mailfrom=eve@example.net\r\n", .to = { ANT } };
  g_assert_cmpint(front_answer(&fixture, &mail), ==, REPLY_REFUSED);
  g_assert_cmpint(fixture_answer(&fixture, &mail), ==, REPLY_REFUSED);
  mail.trusted = false;
  g_assert_cmpint(fixture_answer(&fixture, &mail), ==, REPLY_HELD);
  fixture_tear_down(&fixture);
}

static void
test_recipients(void)
{
  struct fixture fixture;
  set_up(&fixture);
  struct outcome outcome = { 0 };
  struct mail mail = in_front(&(struct mail){ .to = { ANT, "ant+x@example.com", BEE, "ant-request@example.com", "ANT@EXAMPLE.COM", "postmaster@example.com" } });
  fixture_post(&fixture, &mail, &outcome);
  static const enum reply want[] = { REPLY_OK, REPLY_OK, REPLY_REFUSED, REPLY_OK, REPLY_OK, REPLY_OK };
  for (size_t i = 0; i < G_N_ELEMENTS(want); i++)
    g_assert_cmpint(outcome.reply[i], ==, want[i]);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM front_verdict"), ==, 2);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM front_verdict WHERE told = 0"), ==, 2);
  outcome_clear(&outcome);
  fixture_tear_down(&fixture);
}

/* --- repeats --- */

/* Accepted or held before: that is the answer, and nothing is remembered. */
static void
test_repeats(void)
{
  struct fixture fixture;
  set_up(&fixture);
  struct mail plain = { .to = { ANT } }, held = { .header_from = "mod@example.org", .to = { ANT } };
  g_assert_cmpint(fixture_answer(&fixture, &plain), ==, REPLY_ACCEPTED);
  g_assert_cmpint(fixture_answer(&fixture, &held), ==, REPLY_HELD);
  turn_about(&fixture);
  g_assert_cmpint(front_answer(&fixture, &plain), ==, REPLY_ALREADY_ACCEPTED);
  g_assert_cmpint(front_answer(&fixture, &held), ==, REPLY_ALREADY_HELD);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM front_verdict"), ==, 0);
  g_assert_cmpint(fixture_answer(&fixture, &plain), ==, REPLY_ALREADY_ACCEPTED);
  fixture_tear_down(&fixture);
}

/* --- a full hold queue --- */

static void
test_full(void)
{
  static const char *const ids[] = { "mx.example.com", NULL };
  struct fixture fixture;
  set_up(&fixture);
  fixture.options.auth_trusted = ids;
  fixture_set(&fixture, ANT, "max_held", "1");
  fixture_set(&fixture, ANT, "default_nonmember_action", "hold");
  struct mail first = { .header_from = "a@example.net", .subject = "1", .to = { ANT } }, second = { .header_from = "a@example.net", .subject = "2", .to = { ANT } };
  g_assert_cmpint(front_answer(&fixture, &first), ==, REPLY_WILL_BE_HELD);
  g_assert_cmpint(front_answer(&fixture, &second), ==, REPLY_WILL_BE_HELD);
  g_assert_cmpint(fixture_answer(&fixture, &first), ==, REPLY_HELD);

  /* A stranger comes again later; a member, and who is proven, moves the oldest. */
  struct outcome busy = { 0 };
  struct mail third = in_front(&(struct mail){ .header_from = "a@example.net", .subject = "3", .to = { ANT } });
  fixture_post(&fixture, &third, &busy);
  g_assert_cmpint(busy.reply[0], ==, REPLY_LIST_BUSY);
  g_assert_nonnull(strstr(busy.reason[0], "wait for its moderators"));
  outcome_clear(&busy);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM front_verdict"), ==, 2);
  g_assert_cmpint(front_answer(&fixture, &(struct mail){ .header_from = "mod@example.org", .to = { ANT } }), ==, REPLY_WILL_BE_HELD);
  struct mail proven = { .header_from = "eve@example.net", .trusted = true,
                         .extra = "Authentication-Results: mx.example.com; spf=pass smtp.mailfrom=eve@example.net\r\n", .to = { ANT } };
  g_assert_cmpint(front_answer(&fixture, &proven), ==, REPLY_WILL_BE_HELD);

  /* What was promised when there was room is kept. */
  g_assert_cmpint(fixture_answer(&fixture, &second), ==, REPLY_HELD);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting WHERE state = 1"), ==, 1);
  fixture_tear_down(&fixture);
}

/* A verdict says nothing about whose address the return path is: that is known by other proof alone. */
static void
test_is_no_proof_of_the_address(void)
{
  struct fixture fixture;
  set_up(&fixture);
  struct mail held = { .header_from = "mod@example.org", .to = { ANT } }, plain = { .report_success = true, .to = { ANT } };
  g_assert_cmpint(front_answer(&fixture, &held), ==, REPLY_WILL_BE_HELD);
  g_assert_cmpint(fixture_answer(&fixture, &held), ==, REPLY_HELD);
  g_assert_cmpint(fixture_int(&fixture, "SELECT proven FROM posting"), ==, 0);
  g_assert_cmpint(front_answer(&fixture, &plain), ==, REPLY_OK);
  g_assert_cmpint(fixture_answer(&fixture, &plain), ==, REPLY_ACCEPTED);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM recipient"), ==, 0); /* no report */
  fixture_tear_down(&fixture);
}

/* --- trouble --- */

static void
test_trouble(void)
{
  struct fixture fixture;
  set_up(&fixture);
  fixture_run(&fixture, "CREATE TRIGGER broken BEFORE INSERT ON front_verdict BEGIN SELECT RAISE(ABORT, 'no'); END");
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  struct mail mail = in_front(&(struct mail){ .to = { ANT, BEE, "ant-request@example.com" } });
  struct outcome outcome = { 0 };
  fixture_post(&fixture, &mail, &outcome);
  g_assert_cmpint(outcome.reply[0], ==, REPLY_TROUBLE);
  g_assert_cmpint(outcome.reply[1], ==, REPLY_TROUBLE);
  g_assert_cmpint(outcome.reply[2], ==, REPLY_OK);
  outcome_clear(&outcome);
  fixture_run(&fixture, "DROP TRIGGER broken");
  fixture_run(&fixture, "DROP TABLE ban");
  g_assert_cmpint(front_answer(&fixture, &(struct mail){ .to = { ANT } }), ==, REPLY_TROUBLE);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM front_verdict"), ==, 0);
  fixture_tear_down(&fixture);
}

/* The list goes between the verdict and the delivery. */
static void
test_list_removed(void)
{
  struct fixture fixture;
  set_up(&fixture);
  g_assert_cmpint(front_answer(&fixture, &(struct mail){ .to = { ANT } }), ==, REPLY_OK);
  fixture_run(&fixture, "UPDATE list SET removed_at = 1 WHERE local = 'ant'");
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .to = { ANT } }), ==, REPLY_UNKNOWN_LIST);
  fixture_tear_down(&fixture);
}

/* --- what goes --- */

struct prune {
  int64_t now;
  int limit, n;
};

static enum res
prune(struct tx *tx, void *arg, GError **error)
{
  struct prune *prune = arg;
  return front_prune(tx, prune->now, 7 * CLOCK_DAY, prune->limit, &prune->n, error);
}

static int
prune_at(struct fixture *fixture, int64_t now, int limit)
{
  struct prune what = { .now = now, .limit = limit };
  g_assert_cmpint(fixture_write(fixture, prune, &what), ==, RES_OK);
  return what.n;
}

/* One a day. */
static void
judge_some(struct fixture *fixture, const char *from, int n)
{
  for (int i = 0; i < n; i++) {
    char subject[8];
    g_snprintf(subject, sizeof subject, "%d", i);
    fixture->now = FIXTURE_NOW + i * CLOCK_DAY;
    (void)front_answer(fixture, &(struct mail){ .header_from = from, .subject = subject, .to = { ANT } });
  }
}

static void
test_prune(void)
{
  struct fixture fixture;
  set_up(&fixture);
  judge_some(&fixture, "bea@example.org", 5);
  g_assert_cmpint(prune_at(&fixture, FIXTURE_NOW + 7 * CLOCK_DAY, 10), ==, 0);
  g_assert_cmpint(prune_at(&fixture, FIXTURE_NOW + 11 * CLOCK_DAY, 3), ==, 3);
  g_assert_cmpint(fixture_int(&fixture, "SELECT min(at) FROM front_verdict"), ==, FIXTURE_NOW + 3 * CLOCK_DAY);
  g_assert_cmpint(prune_at(&fixture, FIXTURE_NOW + 11 * CLOCK_DAY, 3), ==, 1);
  g_assert_cmpint(prune_at(&fixture, FIXTURE_NOW + 11 * CLOCK_DAY, 3), ==, 0);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM front_verdict"), ==, 1);
  fixture_tear_down(&fixture);
}

/* What nobody got goes after a day; what a delivery may follow stays. */
static void
test_prune_told(void)
{
  struct fixture fixture;
  set_up(&fixture);
  judge_some(&fixture, "bea@example.org", 4);
  judge_some(&fixture, "eve@example.net", 4);
  g_assert_cmpint(prune_at(&fixture, FIXTURE_NOW + 3 * CLOCK_DAY, 10), ==, 2);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM front_verdict WHERE told = 0"), ==, 4);
  g_assert_cmpint(prune_at(&fixture, FIXTURE_NOW + 9 * CLOCK_DAY, 3), ==, 3);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM front_verdict WHERE told = 0"), ==, 3);
  fixture_tear_down(&fixture);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_WARNING);
  g_test_add_func("/front/obeyed", test_obeyed);
  g_test_add_func("/front/too-large", test_too_large);
  g_test_add_func("/front/not-the-same", test_not_the_same);
  g_test_add_func("/front/received-added", test_received_added);
  g_test_add_func("/front/window", test_window);
  g_test_add_func("/front/judged-again", test_judged_again);
  g_test_add_func("/front/strange-rows", test_strange_rows);
  g_test_add_func("/front/not-told", test_not_told);
  g_test_add_func("/front/not-told-but-proven", test_not_told_but_proven);
  g_test_add_func("/front/recipients", test_recipients);
  g_test_add_func("/front/repeats", test_repeats);
  g_test_add_func("/front/full", test_full);
  g_test_add_func("/front/is-no-proof-of-the-address", test_is_no_proof_of_the_address);
  g_test_add_func("/front/trouble", test_trouble);
  g_test_add_func("/front/list-removed", test_list_removed);
  g_test_add_func("/front/prune", test_prune);
  g_test_add_func("/front/prune-told", test_prune_told);
  return g_test_run();
}
