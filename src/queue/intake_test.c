/* Intake with a real store: verdicts, repeats, several recipients, the hold queue's cap, roles, trouble. */
#include "base/log.h"
#include "base/token.h"
#include "queue/fixture.h"
#include "queue/hold.h"
#include "queue/job.h"
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

/* --- one recipient, one answer, and what is stored --- */

static const struct row {
  const char *name;
  struct mail mail;
  enum unproven_policy unproven;
  const char *setting, *value; /* of ANT */
  enum reply want;
  int64_t postings, state, deliveries;
  const char *rule;
} rows[] = {
  { .name = "a member", .mail = { .to = { ANT } }, .want = REPLY_ACCEPTED, .postings = 1, .state = POSTING_ACCEPTED, .deliveries = 1, .rule = "" },
  { .name = "a moderated member", .mail = { .header_from = "mod@example.org", .to = { ANT } }, .want = REPLY_HELD, .postings = 1, .state = POSTING_HELD,
    .rule = "member-moderation" },
  { .name = "a stranger, unproven", .mail = { .header_from = "eve@example.net", .to = { ANT } }, .want = REPLY_HELD, .postings = 1, .state = POSTING_HELD,
    .rule = "nonmember-moderation" },
  { .name = "a stranger, unproven = discard", .mail = { .header_from = "eve@example.net", .to = { ANT } }, .unproven = UNPROVEN_DISCARD, .want = REPLY_DISCARDED },
  { .name = "a stranger, unproven = refuse", .mail = { .header_from = "eve@example.net", .to = { ANT } }, .unproven = UNPROVEN_REFUSE, .want = REPLY_REFUSED },
  { .name = "a stranger, proven by SPF", .mail = { .header_from = "eve@example.net", .trusted = true,
    .extra = "Authentication-Results: mx.example.com; spf=pass smtp.mailfrom=eve@example.net\r\n", .to = { ANT } }, .want = REPLY_REFUSED },
  { .name = "a stranger, the same from an untrusted peer", .mail = { .header_from = "eve@example.net",
    .extra = "Authentication-Results: mx.example.com; spf=pass smtp.mailfrom=eve@example.net\r\n", .to = { ANT } }, .want = REPLY_HELD, .postings = 1,
    .state = POSTING_HELD, .rule = "nonmember-moderation" },
  { .name = "a stranger, proven as local", .mail = { .header_from = "root@local.example", .trusted = true, .source = "LOCAL", .to = { ANT } }, .want = REPLY_REFUSED },
  { .name = "a stranger in front of the queue", .mail = { .header_from = "eve@example.net", .door = DOOR_FRONT, .to = { ANT } }, .want = REPLY_REFUSED },
  { .name = "the reject list, unproven", .mail = { .header_from = "bad@example.org", .to = { ANT } }, .want = REPLY_DISCARDED },
  { .name = "the reject list, in front", .mail = { .header_from = "bad@example.org", .door = DOOR_FRONT, .to = { ANT } }, .want = REPLY_REFUSED },
  { .name = "the discard list", .mail = { .header_from = "spam@example.org", .to = { ANT } }, .want = REPLY_DISCARDED },
  { .name = "null reverse-path", .mail = { .from = "", .to = { ANT } }, .want = REPLY_DISCARDED },
  { .name = "an automatic answer", .mail = { .extra = "Auto-Submitted: auto-replied\r\n", .to = { ANT } }, .want = REPLY_DISCARDED },
  { .name = "a loop, unproven", .mail = { .extra = "List-Id: Ants <ant.example.com>\r\n", .to = { ANT } }, .want = REPLY_DISCARDED },
  { .name = "a loop by the hop header, in front", .mail = { .extra = "X-Listward-Loop: ant@example.com\r\n", .door = DOOR_FRONT, .to = { ANT } }, .want = REPLY_LOOP },
  { .name = "another list's hop header", .mail = { .extra = "X-Listward-Loop: bee@example.com\r\nList-Id: <bee.example.com>\r\n", .to = { ANT } },
    .want = REPLY_ACCEPTED, .postings = 1, .state = POSTING_ACCEPTED, .deliveries = 1, .rule = "" },
  { .name = "too large", .mail = { .padding = 20000, .to = { ANT } }, .setting = "max_message_size", .value = "10", .want = REPLY_TOO_LARGE },
  { .name = "malformed, unproven", .mail = { .message = "no header at all\r\n", .from = "bea@example.org", .to = { ANT } }, .want = REPLY_HELD,
    .postings = 1, .state = POSTING_HELD, .rule = "malformed" },
  { .name = "malformed, null reverse-path", .mail = { .message = "no header at all\r\n", .from = "", .to = { ANT } }, .want = REPLY_DISCARDED },
  { .name = "emergency", .mail = { .to = { ANT } }, .setting = "emergency", .value = "yes", .want = REPLY_HELD, .postings = 1, .state = POSTING_HELD, .rule = "emergency" },
  { .name = "concealed members, in front", .mail = { .header_from = "eve@example.net", .door = DOOR_FRONT, .to = { ANT } }, .setting = "conceal_members",
    .value = "yes", .want = REPLY_HELD, .postings = 1, .state = POSTING_HELD, .rule = "nonmember-moderation" },
  { .name = "role: bounces, null reverse-path", .mail = { .from = "", .to = { "ant-bounces+tag@example.com" } }, .want = REPLY_TAKEN, .postings = 1,
    .state = POSTING_KEPT, .rule = "" },
  { .name = "role: request", .mail = { .to = { "ant-request@example.com" } }, .want = REPLY_TAKEN, .postings = 1, .state = POSTING_KEPT, .rule = "" },
  { .name = "noreply", .mail = { .to = { "noreply@example.com" } }, .want = REPLY_TAKEN },
};

static int64_t
postings_by(struct fixture *fixture, const char *rule)
{
  g_autofree char *sql = g_strdup_printf("SELECT count(*) FROM posting WHERE rule = '%s'", rule);
  return fixture_int(fixture, g_intern_string(sql)); /* statements are known by their address */
}

static void
check_row(const struct row *row)
{
  static const char *const ids[] = { "mx.example.com", NULL }, *const locals[] = { "local.example", NULL };
  struct fixture fixture;
  set_up(&fixture);
  fixture.options.unproven = row->unproven;
  fixture.options.auth_trusted = ids;
  fixture.options.auth_local_domains = locals;
  if (row->setting)
    fixture_set(&fixture, ANT, row->setting, row->value);
  struct outcome outcome = { 0 };
  fixture_post(&fixture, &row->mail, &outcome);
  g_test_message("%s: %d %s", row->name, reply_code(outcome.reply[0]), outcome.reason[0]);
  g_assert_cmpint(outcome.reply[0], ==, row->want);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, row->postings);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM message"), ==, row->postings);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM delivery"), ==, row->deliveries);
  g_assert_cmpint(outcome.wake, ==, row->deliveries > 0);
  g_assert_cmpuint(strlen(outcome.code[0]), ==, TOKEN_ID);
  if (row->postings) {
    g_assert_cmpint(fixture_int(&fixture, "SELECT state FROM posting"), ==, row->state);
    g_assert_cmpint(postings_by(&fixture, row->rule), ==, row->postings);
  }
  outcome_clear(&outcome);
  fixture_tear_down(&fixture);
}

static void
test_answers(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    check_row(&rows[i]);
}

/* --- repeats --- */

static void
test_repeats(void)
{
  struct fixture fixture;
  set_up(&fixture);
  struct outcome first = { 0 }, second = { 0 };
  fixture_post(&fixture, &(struct mail){ .to = { ANT } }, &first);
  fixture_post(&fixture, &(struct mail){ .from = "BEA@Example.ORG", .extra = "Received: from a by b; x\r\n", .to = { ANT } }, &second);
  g_assert_cmpint(first.reply[0], ==, REPLY_ACCEPTED);
  g_assert_cmpint(second.reply[0], ==, REPLY_ALREADY_ACCEPTED);
  g_assert_cmpstr(first.code[0], ==, second.code[0]);
  g_assert_true(first.wake && !second.wake);
  outcome_clear(&first);
  outcome_clear(&second);

  /* Another list, another reverse-path, another content, or after the window: it is another posting. */
  fixture_member(&fixture, BEE, MEMBER_MEMBER, "bea@example.org", NULL);
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .to = { BEE } }), ==, REPLY_ACCEPTED);
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .from = "other@example.org", .header_from = "bea@example.org", .to = { ANT } }), ==, REPLY_ACCEPTED);
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .subject = "again", .to = { ANT } }), ==, REPLY_ACCEPTED);
  fixture.now += fixture.options.dedupe_window + 1;
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .to = { ANT } }), ==, REPLY_ACCEPTED);
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .to = { ANT } }), ==, REPLY_ALREADY_ACCEPTED);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, 5);
  fixture_tear_down(&fixture);
}

/* Held, then dealt with by a moderator: the repeat is answered, nothing is posted twice. */
static void
test_repeat_of_held(void)
{
  static const struct { enum hold_decision decision; enum reply want; } decisions[] = {
    { HOLD_ACCEPT, REPLY_ALREADY_ACCEPTED }, { HOLD_REJECT, REPLY_ALREADY_HELD }, { HOLD_DISCARD, REPLY_ALREADY_HELD },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(decisions); i++) {
    struct fixture fixture;
    set_up(&fixture);
    struct mail mail = { .header_from = "mod@example.org", .to = { ANT } };
    struct outcome outcome = { 0 };
    fixture_post(&fixture, &mail, &outcome);
    g_assert_cmpint(outcome.reply[0], ==, REPLY_HELD);
    g_assert_cmpint(fixture_answer(&fixture, &mail), ==, REPLY_ALREADY_HELD);
    OWN(list) list = fixture_find(&fixture, ANT);
    g_assert_cmpint(fixture_decide(&fixture, list, outcome.code[0], decisions[i].decision, FIXTURE_NOW), ==, RES_OK);
    g_assert_cmpint(fixture_decide(&fixture, list, outcome.code[0], decisions[i].decision, FIXTURE_NOW), ==, RES_MORE);
    g_assert_cmpint(fixture_answer(&fixture, &mail), ==, decisions[i].want);
    g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, 1);
    g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM delivery"), ==, decisions[i].decision == HOLD_ACCEPT);
    outcome_clear(&outcome);
    fixture_tear_down(&fixture);
  }
}

/* What was accepted stays so for the MTA that asks again, whatever the list thinks by now; what was refused is judged anew. */
static void
test_repeat_after_change(void)
{
  struct fixture fixture;
  set_up(&fixture);
  struct mail refused = { .header_from = "eve@example.net", .door = DOOR_FRONT, .to = { ANT } };
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .to = { ANT } }), ==, REPLY_ACCEPTED);
  g_assert_cmpint(fixture_answer(&fixture, &refused), ==, REPLY_REFUSED);
  fixture_set(&fixture, ANT, "default_member_action", "discard");
  fixture_set(&fixture, ANT, "default_nonmember_action", "accept");
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .to = { ANT } }), ==, REPLY_ALREADY_ACCEPTED);
  g_assert_cmpint(fixture_answer(&fixture, &refused), ==, REPLY_ACCEPTED);
  fixture_tear_down(&fixture);
}

/* A message whose header cannot be viewed is known again by all its octets. */
static void
test_repeat_of_unreadable(void)
{
  struct fixture fixture;
  set_up(&fixture);
  g_autofree char *filling = g_strnfill(300000, 'x');
  g_autofree char *one = g_strconcat("From: bea@example.org\r\nX: ", filling, "\r\n\r\none\r\n", NULL);
  g_autofree char *two = g_strconcat("From: bea@example.org\r\nX: ", filling, "\r\n\r\ntwo\r\n", NULL);
  struct mail first = { .message = one, .from = "bea@example.org", .to = { ANT } }, second = { .message = two, .from = "bea@example.org", .to = { ANT } };
  g_assert_cmpint(fixture_answer(&fixture, &first), ==, REPLY_HELD);
  g_assert_cmpint(fixture_answer(&fixture, &first), ==, REPLY_ALREADY_HELD);
  g_assert_cmpint(fixture_answer(&fixture, &second), ==, REPLY_HELD);
  g_assert_cmpint(postings_by(&fixture, "malformed"), ==, 2);
  first.door = DOOR_FRONT;
  first.from = "cid@example.org";
  g_assert_cmpint(fixture_answer(&fixture, &first), ==, REPLY_MALFORMED);
  fixture_tear_down(&fixture);
}

/* --- several recipients --- */

static void
test_recipients(void)
{
  struct fixture fixture;
  set_up(&fixture);
  struct outcome outcome = { 0 };
  fixture_post(&fixture, &(struct mail){ .to = { ANT, "ant+x@example.com", BEE, "ant-request@example.com", "ANT@EXAMPLE.COM", "postmaster@example.com" } }, &outcome);
  g_assert_cmpint(outcome.reply[0], ==, REPLY_ACCEPTED);
  g_assert_cmpint(outcome.reply[1], ==, REPLY_ACCEPTED);
  g_assert_cmpint(outcome.reply[2], ==, REPLY_HELD);
  g_assert_cmpint(outcome.reply[3], ==, REPLY_TAKEN);
  g_assert_cmpint(outcome.reply[4], ==, REPLY_ACCEPTED);
  g_assert_cmpint(outcome.reply[5], ==, REPLY_TAKEN);
  g_assert_cmpstr(outcome.code[0], ==, outcome.code[1]);
  g_assert_cmpstr(outcome.code[0], ==, outcome.code[4]);
  g_assert_cmpstr(outcome.code[0], !=, outcome.code[2]);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, 4);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM message"), ==, 1);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM delivery"), ==, 1);
  g_assert_cmpint(fixture_int(&fixture, "SELECT number FROM posting WHERE state = 0"), ==, 1);
  g_assert_cmpint(fixture_int(&fixture, "SELECT last_join FROM delivery WHERE roster = 1"), ==, fixture_int(&fixture, "SELECT next_join - 1 FROM list WHERE local = 'ant'"));
  outcome_clear(&outcome);
  fixture_tear_down(&fixture);
}

/* More lists than one transaction takes: one message, one posting each, all answered. */
#define LISTS 120

/* One message to that many lists. */
static void
post_to_many(struct fixture *fixture)
{
  struct intake_recipient recipients[LISTS] = { 0 };
  for (int i = 0; i < LISTS; i++) {
    g_autofree char *name = g_strdup_printf("list%d@example.com", i);
    fixture_list(fixture, name);
    fixture_set(fixture, name, "default_nonmember_action", "accept");
    g_assert_cmpint(list_index_resolve(fixture->index, name, &recipients[i].target, NULL), ==, RES_OK);
  }
  struct incoming *incoming = NULL;
  bool wake;
  g_assert_cmpint(incoming_new(fixture->store, &fixture->budget, 0, &incoming, NULL), ==, RES_OK);
  g_assert_cmpint(incoming_append(incoming, SLICE("From: a@example.org\r\n\r\nhello\r\n"), NULL), ==, RES_OK);
  const struct intake_message message = { .incoming = incoming, .reverse_path = "a@example.org", .xforward = "", .now = fixture->now };
  intake_message(fixture->store, &fixture->options, &message, recipients, LISTS, &wake);
  incoming_free(incoming);
  for (int i = 0; i < LISTS; i++) {
    g_assert_cmpint(recipients[i].reply, ==, REPLY_ACCEPTED);
    g_free(recipients[i].reason);
    list_target_free(recipients[i].target);
  }
}

static void
test_many_lists(void)
{
  struct fixture fixture;
  fixture_set_up(&fixture);
  post_to_many(&fixture);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM message"), ==, 1);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(DISTINCT list_id) FROM posting"), ==, LISTS);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM delivery"), ==, LISTS);
  fixture_tear_down(&fixture);
}

/* The first fifty are stored, delivered and swept before the others are stored: what is answered with 250 has its octets. */
static void
test_swept_in_between(void)
{
  struct fixture fixture;
  fixture_set_up(&fixture);
  fixture_run(&fixture, "CREATE TRIGGER swept AFTER INSERT ON delivery WHEN NEW.id = 50 BEGIN UPDATE message SET octets = NULL; END");
  post_to_many(&fixture);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting WHERE message_id IN (SELECT id FROM message WHERE octets IS NOT NULL)"), ==, LISTS - 50);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM message"), ==, 2);
  fixture_tear_down(&fixture);
}

static void
test_large(void)
{
  struct fixture fixture;
  set_up(&fixture);
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .padding = 5 * INCOMING_PIECE, .to = { ANT, BEE } }), ==, REPLY_ACCEPTED);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM message_piece"), ==, 6);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, 2);
  g_assert_cmpint(fixture_int(&fixture, "SELECT size FROM message"), ==, fixture_int(&fixture, "SELECT sum(length(octets)) FROM message_piece"));
  /* Refused: its pieces are gone with the transaction. */
  fixture_set(&fixture, ANT, "max_message_size", "100");
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .subject = "2", .padding = 5 * INCOMING_PIECE, .to = { ANT } }), ==, REPLY_TOO_LARGE);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM message_piece"), ==, 6);
  fixture_tear_down(&fixture);
}

/* --- the hold queue's cap --- */

static struct mail
held_mail(const char *from, const char *subject, enum door_kind door)
{
  return (struct mail){ .header_from = from, .subject = subject, .door = door, .to = { ANT } };
}

static void
test_hold_cap(void)
{
  static const char *const ids[] = { "mx.example.com", NULL };
  struct fixture fixture;
  set_up(&fixture);
  fixture_set(&fixture, ANT, "max_held", "2");
  fixture_set(&fixture, ANT, "default_nonmember_action", "hold");
  fixture.options.auth_trusted = ids;
  struct mail proven = { .header_from = "eve@example.net", .subject = "proven", .trusted = true,
                         .extra = "Authentication-Results: mx.example.com; spf=pass smtp.mailfrom=eve@example.net\r\n", .to = { ANT } };
  struct mail one = held_mail("a@example.net", "1", DOOR_LMTP), two = held_mail("a@example.net", "2", DOOR_LMTP), three = held_mail("a@example.net", "3", DOOR_LMTP);
  struct mail front = held_mail("a@example.net", "4", DOOR_FRONT);
  g_assert_cmpint(fixture_answer(&fixture, &proven), ==, REPLY_HELD);
  fixture.now++;
  g_assert_cmpint(fixture_answer(&fixture, &one), ==, REPLY_HELD);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting WHERE state = 1 AND proven = 1"), ==, 1);

  /* Full. In front of the queue a stranger waits; behind it the oldest unproven one goes. */
  struct outcome busy = { 0 };
  fixture_post(&fixture, &front, &busy);
  g_assert_cmpint(busy.reply[0], ==, REPLY_LIST_BUSY);
  g_assert_nonnull(strstr(busy.reason[0], "wait for its moderators"));
  outcome_clear(&busy);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, 2);
  g_assert_cmpint(fixture_answer(&fixture, &two), ==, REPLY_HELD);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting WHERE state = 1"), ==, 2);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting WHERE state = 2 AND subject = '1'"), ==, 1);

  /* Full of proven ones: the newcomer waits in its MTA, nothing is lost. */
  fixture_run(&fixture, "UPDATE posting SET proven = 1 WHERE state = 1");
  g_assert_cmpint(fixture_answer(&fixture, &three), ==, REPLY_LIST_BUSY);
  fixture_set(&fixture, ANT, "max_held", "0");
  g_assert_cmpint(fixture_answer(&fixture, &three), ==, REPLY_HELD);
  fixture_tear_down(&fixture);
}

/* --- owners and postmaster --- */

static void
test_owners(void)
{
  struct fixture fixture;
  set_up(&fixture);
  fixture_member(&fixture, ANT, MEMBER_OWNER, "Olga@example.org", NULL);
  fixture_member(&fixture, ANT, MEMBER_MODERATOR, "max@example.org", NULL);
  fixture_member(&fixture, ANT, MEMBER_MODERATOR, "olga@example.org", NULL);
  fixture_member(&fixture, BEE, MEMBER_OWNER, "otto@example.org", NULL);
  fixture_member(&fixture, ANT, MEMBER_MODERATOR, "away@example.org", NULL);
  fixture_member(&fixture, BEE, MEMBER_OWNER, "gone@example.org", NULL);
  fixture_run(&fixture, "UPDATE member SET status = 1 WHERE address_id IN (SELECT id FROM address WHERE key IN ('away@example.org', 'gone@example.org'))");
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .header_from = "eve@example.net", .to = { "ant-owner@example.com" } }), ==, REPLY_TAKEN);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM recipient"), ==, 2);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM delivery WHERE roster = 0 AND reverse_path = 'ant-bounces@example.com'"), ==, 1);
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .header_from = "eve@example.net", .to = { "ant-admin@example.com" } }), ==, REPLY_TAKEN);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, 1); /* the same role: a repeat */

  fixture_run(&fixture, "DELETE FROM recipient");
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .to = { "abuse@example.com" } }), ==, REPLY_TAKEN);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM recipient"), ==, 2); /* Olga and Otto */
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM delivery WHERE list_id = 0 AND reverse_path = 'noreply@example.com'"), ==, 1);
  fixture_tear_down(&fixture);
}

/* Our own copy that comes back, or an automatic answer to it, goes nowhere; a complaint without a reverse-path does. */
static void
test_owner_loops(void)
{
  struct fixture fixture;
  set_up(&fixture);
  fixture_member(&fixture, ANT, MEMBER_OWNER, "olga@example.org", NULL);
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .extra = "X-Listward-Loop: ant@example.com\r\n", .to = { "ant-owner@example.com" } }), ==, REPLY_TAKEN);
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .extra = "Auto-Submitted: auto-replied\r\n", .to = { "ant-owner@example.com" } }), ==, REPLY_TAKEN);
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .from = "", .to = { "ant-owner@example.com" } }), ==, REPLY_TAKEN);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, 0);
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .from = "", .to = { "abuse@example.com" } }), ==, REPLY_TAKEN);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM delivery"), ==, 1);
  struct mail resent = { .extra = "Resent-From: bea@example.org\r\nX-Listward-Loop: ant@example.com\r\n", .to = { "ant-owner@example.com" } };
  g_assert_cmpint(fixture_answer(&fixture, &resent), ==, REPLY_TAKEN);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM delivery"), ==, 2);
  fixture_tear_down(&fixture);
}

/* --- trouble --- */

static void
test_list_removed(void)
{
  struct fixture fixture;
  set_up(&fixture);
  struct intake_recipient recipients[2] = { 0 };
  g_assert_cmpint(list_index_resolve(fixture.index, ANT, &recipients[0].target, NULL), ==, RES_OK);
  g_assert_cmpint(list_index_resolve(fixture.index, BEE, &recipients[1].target, NULL), ==, RES_OK);
  fixture_run(&fixture, "UPDATE list SET removed_at = 1 WHERE local = 'ant'");
  struct incoming *incoming = NULL;
  bool wake;
  g_assert_cmpint(incoming_new(fixture.store, &fixture.budget, 0, &incoming, NULL), ==, RES_OK);
  g_assert_cmpint(incoming_append(incoming, SLICE("From: bea@example.org\r\n\r\nhello\r\n"), NULL), ==, RES_OK);
  const struct intake_message message = { .incoming = incoming, .reverse_path = "bea@example.org", .xforward = "", .now = fixture.now };
  intake_message(fixture.store, &fixture.options, &message, recipients, 2, &wake);
  incoming_free(incoming);
  g_assert_cmpint(recipients[0].reply, ==, REPLY_UNKNOWN_LIST);
  g_assert_cmpint(recipients[1].reply, ==, REPLY_HELD);
  for (int i = 0; i < 2; i++) {
    g_free(recipients[i].reason);
    list_target_free(recipients[i].target);
  }
  fixture_tear_down(&fixture);
}

/* One list's rows cannot be written: the others are kept all the same, and it is told so. */
static void
test_one_fails(void)
{
  struct fixture fixture;
  set_up(&fixture);
  fixture_run(&fixture, "CREATE TRIGGER broken BEFORE INSERT ON posting WHEN NEW.address = 'bee@example.com' BEGIN SELECT RAISE(ABORT, 'no'); END");
  struct outcome outcome = { 0 };
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  fixture_post(&fixture, &(struct mail){ .to = { BEE, ANT, "ant-request@example.com" } }, &outcome);
  g_assert_cmpint(outcome.reply[0], ==, REPLY_TROUBLE);
  g_assert_cmpint(outcome.reply[1], ==, REPLY_ACCEPTED);
  g_assert_cmpint(outcome.reply[2], ==, REPLY_TAKEN);
  g_assert_cmpstr(outcome.code[0], ==, "");
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, 2);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM message"), ==, 1);
  outcome_clear(&outcome);
  fixture_tear_down(&fixture);
}

/* --- at RCPT --- */

static enum res
check_sender(struct fixture *fixture, const char *to, const char *from)
{
  OWN(list_target) target = NULL;
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(list_index_resolve(fixture->index, to, &target, NULL), ==, RES_OK);
  enum res res = intake_check_sender(fixture->store, target, from, &error);
  g_assert_cmpint(res == RES_BAD, ==, error && error_reply(error, REPLY_OK) == REPLY_REFUSED);
  return res;
}

static void
test_check_sender(void)
{
  struct fixture fixture;
  set_up(&fixture);
  fixture_run(&fixture, "INSERT INTO ban (list_id, pattern, created_at) VALUES (0, 'banned@example.net', 1)");
  fixture_member(&fixture, ANT, MEMBER_OWNER, "olga@example.org", NULL);
  fixture_member(&fixture, ANT, MEMBER_MEMBER, "olga@example.org", "reject");
  fixture_member(&fixture, ANT, MEMBER_MODERATOR, "mo@example.org", "reject");
  static const struct { const char *name, *setting, *to, *from; enum res want; } table[] = {
    { "banned", "banned", ANT, "Banned@example.net", RES_BAD },
    { "not banned", "banned", ANT, "eve@example.net", RES_OK },
    { "reject list, banned only", "banned", ANT, "bad@example.org", RES_OK },
    { "reject list, sure", "sure", ANT, "bad@example.org", RES_BAD },
    { "a stranger is not sure: From may be a member", "sure", ANT, "eve@example.net", RES_OK },
    { "a member", "sure", ANT, "bea@example.org", RES_OK },
    { "an owner, whose record as a member says reject", "sure", ANT, "olga@example.org", RES_OK },
    { "a moderator whose record says reject", "sure", ANT, "mo@example.org", RES_BAD },
    { "no answers at RCPT", "no", ANT, "banned@example.net", RES_OK },
    { "null reverse-path", "sure", ANT, "", RES_OK },
    { "a role", "sure", "ant-owner@example.com", "banned@example.net", RES_OK },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
    g_test_message("%s", table[i].name);
    fixture_set(&fixture, ANT, "verdict_at_rcpt", table[i].setting);
    g_assert_cmpint(check_sender(&fixture, table[i].to, table[i].from), ==, table[i].want);
  }
  fixture_set(&fixture, ANT, "conceal_members", "yes");
  g_assert_cmpint(check_sender(&fixture, ANT, "bad@example.org"), ==, RES_OK);
  g_assert_cmpint(check_sender(&fixture, ANT, "banned@example.net"), ==, RES_OK);
  fixture_tear_down(&fixture);
}

static void
test_check_size(void)
{
  static const struct { const char *name; int64_t limit, size; bool hold; enum role role; enum res want; } table[] = {
    { "within", 10, 10240, false, ROLE_POST, RES_OK },
    { "in doubt", 10, 10240 + 8192, false, ROLE_POST, RES_OK },
    { "beyond doubt", 10, 10240 + 8193, false, ROLE_POST, RES_BAD },
    { "no limit", 0, 1 << 30, false, ROLE_POST, RES_OK },
    { "the list holds what is large", 10, 1 << 30, true, ROLE_POST, RES_OK },
    { "a role", 10, 1 << 30, false, ROLE_REQUEST, RES_OK },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
    OWN(list) list = list_new("ant", "example.com", "listward-default");
    list->settings.max_message_size = table[i].limit;
    list->settings.max_message_size_action = table[i].hold ? OVERSIZE_HOLD : OVERSIZE_REJECT;
    g_test_message("%s", table[i].name);
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(intake_check_size(&(struct list_target){ .role = table[i].role, .list = list }, table[i].size, &error), ==, table[i].want);
    g_assert_cmpint(error_reply(error, REPLY_OK), ==, table[i].want == RES_BAD ? REPLY_TOO_LARGE : REPLY_OK);
  }
}

/* Who runs an announce list posts to it, a member of it does not; an owner who is a member too is an owner. */
static void
test_staff(void)
{
  static const struct { const char *name, *from; enum member_role role; bool member; enum reply want; } posts[] = {
    { .name = "owner", .from = "olga@example.org", .role = MEMBER_OWNER, .want = REPLY_ACCEPTED },
    { .name = "moderator", .from = "mo@example.org", .role = MEMBER_MODERATOR, .want = REPLY_ACCEPTED },
    { .name = "owner and member", .from = "olga@example.org", .role = MEMBER_OWNER, .member = true, .want = REPLY_ACCEPTED },
    { .name = "member", .from = "max@example.org", .role = MEMBER_MEMBER, .want = REPLY_HELD },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(posts); i++) {
    struct fixture fixture;
    set_up(&fixture);
    fixture_set(&fixture, ANT, "default_member_action", "reject");
    fixture_set(&fixture, ANT, "default_nonmember_action", "reject");
    fixture_member(&fixture, ANT, posts[i].role, posts[i].from, NULL);
    if (posts[i].member)
      fixture_member(&fixture, ANT, MEMBER_MEMBER, posts[i].from, NULL);
    if (fixture_answer(&fixture, &(struct mail){ .header_from = posts[i].from, .to = { ANT } }) != posts[i].want)
      g_error("%s", posts[i].name);
    fixture_tear_down(&fixture);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/intake/answers", test_answers);
  g_test_add_func("/intake/repeats", test_repeats);
  g_test_add_func("/intake/repeat_of_held", test_repeat_of_held);
  g_test_add_func("/intake/repeat_after_change", test_repeat_after_change);
  g_test_add_func("/intake/repeat_of_unreadable", test_repeat_of_unreadable);
  g_test_add_func("/intake/recipients", test_recipients);
  g_test_add_func("/intake/many_lists", test_many_lists);
  g_test_add_func("/intake/swept_in_between", test_swept_in_between);
  g_test_add_func("/intake/large", test_large);
  g_test_add_func("/intake/hold_cap", test_hold_cap);
  g_test_add_func("/intake/owners", test_owners);
  g_test_add_func("/intake/owner_loops", test_owner_loops);
  g_test_add_func("/intake/list_removed", test_list_removed);
  g_test_add_func("/intake/one_fails", test_one_fails);
  g_test_add_func("/intake/check_sender", test_check_sender);
  g_test_add_func("/intake/check_size", test_check_size);
  g_test_add_func("/intake/staff", test_staff);
  return g_test_run();
}
