/* Intake for a door that has one reply for all recipients: what they agree on, and what is for others. */
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

/* --- one reply for all --- */

static const struct one_reply_row {
  const char *name;
  struct mail mail;
  enum unproven_policy unproven;
  enum reply first, second; /* second: REPLY_OK if there is one recipient */
  int64_t postings, held;
} one_reply_rows[] = {
  { .name = "one, accepted", .mail = { .to = { ANT } }, .first = REPLY_ACCEPTED, .second = REPLY_OK, .postings = 1 },
  { .name = "one, refused", .mail = { .header_from = "eve@example.net", .to = { ANT } }, .first = REPLY_REFUSED, .second = REPLY_OK },
  { .name = "all refused", .mail = { .header_from = "eve@example.net", .to = { ANT, BEE } }, .first = REPLY_REFUSED, .second = REPLY_REFUSED },
  { .name = "refused by one of two: held there", .mail = { .to = { ANT, BEE } }, .first = REPLY_ACCEPTED, .second = REPLY_HELD, .postings = 2, .held = 1 },
  { .name = "the same, the refusing one first", .mail = { .to = { BEE, ANT } }, .first = REPLY_HELD, .second = REPLY_ACCEPTED, .postings = 2, .held = 1 },
  { .name = "the same, unproven = discard", .mail = { .to = { ANT, BEE } }, .unproven = UNPROVEN_DISCARD, .first = REPLY_ACCEPTED, .second = REPLY_DISCARDED, .postings = 1 },
  { .name = "the same, unproven = refuse: held, since it cannot be", .mail = { .to = { ANT, BEE } }, .unproven = UNPROVEN_REFUSE, .first = REPLY_ACCEPTED,
    .second = REPLY_HELD, .postings = 2, .held = 1 },
  { .name = "the same, proven: held, since it cannot be refused", .mail = { .trusted = true, .source = "LOCAL", .from = "bea@local.example", .to = { ANT, BEE } },
    .first = REPLY_ACCEPTED, .second = REPLY_HELD, .postings = 2, .held = 1 },
  { .name = "the reject list of one of two: discarded there", .mail = { .header_from = "bad@example.org", .to = { ANT, "bee-request@example.com" } },
    .first = REPLY_DISCARDED, .second = REPLY_TAKEN, .postings = 1 },
  { .name = "refused, with others", .mail = { .header_from = "eve@example.net", .others = true, .to = { ANT } }, .first = REPLY_HELD, .second = REPLY_OK, .postings = 1, .held = 1 },
  { .name = "too large for one of two: held there", .mail = { .padding = 20000, .to = { "small@example.com", ANT } }, .first = REPLY_HELD, .second = REPLY_ACCEPTED,
    .postings = 2, .held = 1 },
  { .name = "discarded and refused: not all refuse", .mail = { .header_from = "spam@example.org", .to = { ANT, BEE } }, .first = REPLY_DISCARDED, .second = REPLY_HELD,
    .postings = 1, .held = 1 },
  { .name = "a loop to one of two", .mail = { .extra = "X-Listward-Loop: bee@example.com\r\n", .to = { ANT, BEE } }, .first = REPLY_ACCEPTED, .second = REPLY_DISCARDED,
    .postings = 1 },
};

static void
set_up_one_reply(struct fixture *fixture)
{
  set_up(fixture);
  fixture_list(fixture, "small@example.com");
  fixture_set(fixture, "small@example.com", "max_message_size", "10");
}

static void
check_one_reply(const struct one_reply_row *row)
{
  static const char *const locals[] = { "local.example", NULL };
  struct fixture fixture;
  set_up_one_reply(&fixture);
  fixture.options.unproven = row->unproven;
  fixture.options.auth_local_domains = locals;
  struct mail mail = row->mail;
  mail.one_reply = true;
  mail.door = DOOR_FRONT;
  struct outcome outcome = { 0 };
  fixture_post(&fixture, &mail, &outcome);
  g_test_message("%s: %d %d", row->name, reply_code(outcome.reply[0]), reply_code(outcome.reply[1]));
  g_assert_cmpint(outcome.reply[0], ==, row->first);
  if (row->second != REPLY_OK)
    g_assert_cmpint(outcome.reply[1], ==, row->second);
  if (outcome.reply[0] == REPLY_HELD)
    g_assert_null(strchr(outcome.reason[0], ';'));
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, row->postings);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting WHERE state = 1 AND rule <> ''"), ==, row->held);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM front_verdict"), ==, 0);
  outcome_clear(&outcome);
  fixture_tear_down(&fixture);
}

static void
test_one_reply(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(one_reply_rows); i++)
    check_one_reply(&one_reply_rows[i]);
}

/* What one of them cannot get, none gets: the client comes again, and each list posts it once. */
static void
test_one_reply_trouble(void)
{
  static const struct { const char *name, *before, *after; enum reply want; } table[] = {
    { "stored", "CREATE TRIGGER broken BEFORE INSERT ON posting WHEN NEW.address = 'bee@example.com' BEGIN SELECT RAISE(ABORT, 'no'); END", "DROP TRIGGER broken", REPLY_TROUBLE },
    { "judged", "ALTER TABLE ban RENAME TO nab", "ALTER TABLE nab RENAME TO ban", REPLY_TROUBLE },
    { "held: its queue is full", "UPDATE posting SET state = 1", "UPDATE posting SET state = 0", REPLY_LIST_BUSY },
  };
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
    struct fixture fixture;
    set_up(&fixture);
    fixture_set(&fixture, BEE, "default_nonmember_action", "accept");
    g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .subject = "first", .to = { BEE } }), ==, REPLY_ACCEPTED);
    fixture_set(&fixture, BEE, "default_nonmember_action", "hold");
    fixture_set(&fixture, BEE, "max_held", "1");
    g_test_message("%s", table[i].name);
    fixture_run(&fixture, table[i].before);
    struct mail mail = { .one_reply = true, .door = DOOR_FRONT, .to = { ANT, "ant-request@example.com", BEE } };
    struct outcome outcome = { 0 };
    fixture_post(&fixture, &mail, &outcome);
    for (size_t r = 0; r < 3; r++)
      g_assert_cmpint(outcome.reply[r], ==, table[i].want);
    g_assert_cmpint(outcome.reason[0][0] != '\0', ==, table[i].want == REPLY_LIST_BUSY);
    g_assert_false(outcome.wake);
    g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, 1);
    g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM delivery"), ==, 1);
    outcome_clear(&outcome);

    fixture_run(&fixture, table[i].after);
    fixture_post(&fixture, &mail, &outcome);
    g_assert_cmpint(outcome.reply[0], ==, REPLY_ACCEPTED);
    g_assert_cmpint(outcome.reply[2], ==, REPLY_HELD);
    g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, 4);
    outcome_clear(&outcome);
    fixture_tear_down(&fixture);
  }
}

#define LISTS 120

/* One message to that many lists; all get that code. */
static void
post_to_many(struct fixture *fixture, int code)
{
  struct intake_recipient recipients[LISTS] = { 0 };
  for (int i = 0; i < LISTS; i++) {
    g_autofree char *name = g_strdup_printf("list%d@example.com", i);
    OWN(list) known = list_index_find(fixture->index, name);
    if (!known) {
      fixture_list(fixture, name);
      fixture_set(fixture, name, "default_nonmember_action", "accept");
    }
    g_assert_cmpint(list_index_resolve(fixture->index, name, &recipients[i].target, NULL), ==, RES_OK);
  }
  struct incoming *incoming = NULL;
  bool wake;
  g_assert_cmpint(incoming_new(fixture->store, &fixture->budget, 0, &incoming, NULL), ==, RES_OK);
  g_assert_cmpint(incoming_append(incoming, SLICE("From: a@example.org\r\n\r\nhello\r\n"), NULL), ==, RES_OK);
  const struct intake_message message = { .incoming = incoming, .reverse_path = "a@example.org", .xforward = "", .now = fixture->now, .one_reply = true, .door = DOOR_FRONT };
  intake_message(fixture->store, &fixture->options, &message, recipients, LISTS, &wake);
  incoming_free(incoming);
  for (int i = 0; i < LISTS; i++) {
    g_assert_cmpint(reply_code(recipients[i].reply), ==, code);
    g_free(recipients[i].reason);
    list_target_free(recipients[i].target);
  }
}

/* More lists than one transaction takes, and one in the second slice fails: none of the rest, and no 250. When it comes again, each list has it once. */
static void
test_one_reply_many(void)
{
  struct fixture fixture;
  fixture_set_up(&fixture);
  fixture_run(&fixture, "CREATE TRIGGER broken BEFORE INSERT ON posting WHEN NEW.address = 'list70@example.com' BEGIN SELECT RAISE(ABORT, 'no'); END");
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR + 1);
  post_to_many(&fixture, 451);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, 50);
  fixture_run(&fixture, "DROP TRIGGER broken");
  post_to_many(&fixture, 250);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, LISTS);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(DISTINCT list_id) FROM posting"), ==, LISTS);
  fixture_tear_down(&fixture);
}

/* A list that went since RCPT refuses the message only if nobody else took it. */
static void
test_one_reply_list_removed(void)
{
  static const struct { const char *name, *sql; enum reply ant, bee; } table[] = {
    { "one of two", "UPDATE list SET removed_at = 1 WHERE local = 'ant'", REPLY_DISCARDED, REPLY_ACCEPTED },
    { "both", "UPDATE list SET removed_at = 1", REPLY_UNKNOWN_LIST, REPLY_UNKNOWN_LIST },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
    struct fixture fixture;
    set_up(&fixture);
    fixture_set(&fixture, BEE, "default_nonmember_action", "accept");
    fixture_run(&fixture, table[i].sql);
    struct outcome outcome = { 0 };
    fixture_post(&fixture, &(struct mail){ .one_reply = true, .door = DOOR_FRONT, .to = { ANT, BEE } }, &outcome);
    g_test_message("%s", table[i].name);
    g_assert_cmpint(outcome.reply[0], ==, table[i].ant);
    g_assert_cmpint(outcome.reply[1], ==, table[i].bee);
    outcome_clear(&outcome);
    fixture_tear_down(&fixture);
  }
}

/* --- passing on --- */

struct next_hop {
  struct fixture *fixture;
  int calls;
  int64_t postings; /* there when it was called */
  enum reply refusal; /* REPLY_OK: takes it */
};

static enum res
next_hop(void *ctx, GError **error)
{
  struct next_hop *hop = ctx;
  hop->calls++;
  hop->postings = fixture_int(hop->fixture, "SELECT count(*) FROM posting");
  return hop->refusal == REPLY_OK ? RES_OK : trouble(error, hop->refusal, "secret");
}

static const struct pass_on_row {
  const char *name;
  struct mail mail;
  enum reply refusal, want;
  int calls;
  int64_t postings;
} pass_on_rows[] = {
  { .name = "taken by both", .mail = { .others = true, .to = { ANT } }, .want = REPLY_ACCEPTED, .calls = 1, .postings = 1, .refusal = REPLY_OK },
  { .name = "the next hop is away", .mail = { .others = true, .to = { ANT } }, .want = REPLY_NEXT_HOP_TROUBLE, .calls = 1, .refusal = REPLY_NEXT_HOP_TROUBLE },
  { .name = "the next hop refuses", .mail = { .others = true, .to = { ANT } }, .want = REPLY_REFUSED, .calls = 1, .refusal = REPLY_REFUSED },
  { .name = "we refuse, the others do not", .mail = { .header_from = "eve@example.net", .others = true, .to = { ANT } }, .want = REPLY_HELD, .calls = 1, .postings = 1,
    .refusal = REPLY_OK },
  { .name = "we refuse, and there are no others", .mail = { .header_from = "eve@example.net", .to = { ANT } }, .want = REPLY_REFUSED, .refusal = REPLY_OK },
  { .name = "nobody but others", .mail = { .others = true }, .calls = 1, .refusal = REPLY_OK },
};

static void
test_pass_on(void)
{
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR + 1);
  for (size_t i = 0; i < G_N_ELEMENTS(pass_on_rows); i++) {
    const struct pass_on_row *row = &pass_on_rows[i];
    struct fixture fixture;
    set_up(&fixture);
    struct next_hop hop = { .fixture = &fixture, .refusal = row->refusal };
    struct mail mail = row->mail;
    mail.one_reply = true;
    mail.door = DOOR_FRONT;
    mail.pass_on = next_hop;
    mail.pass_on_ctx = &hop;
    struct outcome outcome = { 0 };
    fixture_post(&fixture, &mail, &outcome);
    g_test_message("%s", row->name);
    if (mail.to[0])
      g_assert_cmpint(outcome.reply[0], ==, row->want);
    g_assert_cmpint(hop.calls, ==, row->calls);
    g_assert_cmpint(hop.postings, ==, 0);
    g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, row->postings);
    outcome_clear(&outcome);
    fixture_tear_down(&fixture);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/one-reply/answers", test_one_reply);
  g_test_add_func("/one-reply/trouble", test_one_reply_trouble);
  g_test_add_func("/one-reply/many", test_one_reply_many);
  g_test_add_func("/one-reply/list_removed", test_one_reply_list_removed);
  g_test_add_func("/one-reply/pass_on", test_pass_on);
  return g_test_run();
}
