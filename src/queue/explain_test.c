/* explain gives the answer a door would give, and leaves nothing behind. */
#include "queue/fixture.h"
#include "verdict/facts.h"
#include <string.h>

#define ANT "ant@example.com"

static const struct row {
  const char *name, *from, *extra;
  enum door_kind door;
  enum proof proof;
  enum reply want;
  const char *rule;
} rows[] = {
  { .name = "a member", .from = "bea@example.org", .want = REPLY_ACCEPTED, .rule = "" },
  { .name = "a member, folded", .from = "BEA@EXAMPLE.org", .want = REPLY_ACCEPTED, .rule = "" },
  { .name = "a stranger", .from = "eve@example.net", .want = REPLY_HELD, .rule = "nonmember-moderation" },
  { .name = "a stranger, proven", .from = "eve@example.net", .proof = PROOF_FRONT, .want = REPLY_REFUSED, .rule = "nonmember-moderation" },
  { .name = "a stranger in front", .from = "eve@example.net", .door = DOOR_FRONT, .want = REPLY_REFUSED, .rule = "nonmember-moderation" },
  { .name = "a member in Reply-To", .from = "eve@example.net", .extra = "Reply-To: bea@example.org\r\n", .door = DOOR_FRONT, .want = REPLY_REFUSED,
    .rule = "nonmember-moderation" },
  { .name = "a member in Sender", .from = "eve@example.net", .extra = "Sender: bea@example.org\r\n", .want = REPLY_ACCEPTED, .rule = "" },
  { .name = "banned by the list", .from = "ban@example.net", .door = DOOR_FRONT, .want = REPLY_REFUSED, .rule = "banned-address" },
  { .name = "banned, behind the queue", .from = "ban@example.net", .want = REPLY_DISCARDED, .rule = "banned-address" },
  { .name = "banned site-wide by pattern", .from = "any@bad.example", .door = DOOR_FRONT, .want = REPLY_REFUSED, .rule = "banned-address" },
  { .name = "banned in Reply-To, a member in From", .from = "bea@example.org", .extra = "Reply-To: ban@example.net\r\n", .door = DOOR_FRONT, .want = REPLY_REFUSED,
    .rule = "banned-address" },
  { .name = "own List-Id", .from = "bea@example.org", .extra = "List-Id: The ants <ANT.example.com>\r\n", .door = DOOR_FRONT, .want = REPLY_LOOP, .rule = "loop" },
  { .name = "own List-Id, bare and second", .from = "bea@example.org", .extra = "List-Id: <x.y>\r\nList-Id: ant.example.com\r\n", .door = DOOR_FRONT,
    .want = REPLY_LOOP, .rule = "loop" },
  { .name = "own List-Id behind a bracket in the phrase", .from = "bea@example.org", .extra = "List-Id: \"a < b\" <ant.example.com>\r\n", .door = DOOR_FRONT,
    .want = REPLY_LOOP, .rule = "loop" },
  { .name = "List-Id in the phrase only", .from = "bea@example.org", .extra = "List-Id: ant.example.com <x.y>\r\n", .want = REPLY_ACCEPTED, .rule = "" },
  { .name = "own hop header, folded", .from = "bea@example.org", .extra = "X-Listward-Loop:\r\n Ant@Example.com\r\n", .door = DOOR_FRONT, .want = REPLY_LOOP,
    .rule = "loop" },
};

static void
check_row(struct fixture *fixture, const struct list *list, const struct row *row)
{
  g_autofree char *message = g_strdup_printf("From: %s\r\n%s\r\nhello\r\n", row->from, row->extra ? row->extra : "");
  const struct explain_input input = { .list = list, .octets = slice_of(message), .reverse_path = row->from, .door = row->door, .proof = row->proof };
  OWN(explanation) explanation = NULL;
  g_test_message("%s", row->name);
  g_assert_cmpint(explain_message(fixture->store, &input, &explanation, NULL), ==, RES_OK);
  g_assert_cmpint(explanation->reply, ==, row->want);
  g_assert_cmpstr(explanation->done.rule, ==, row->rule);
  g_assert_true(g_str_has_prefix(explanation->judged.reason, explanation->done.reason)); /* a hold leaves the advice out */
  g_assert_true(row->want == REPLY_ACCEPTED || explanation->done.reason[0]);
  g_assert_nonnull(verdict_rule_nth(explanation->trace->steps->len - 1));
  g_assert_null(verdict_rule_nth(explanation->trace->steps->len));
}

static void
test_explain(void)
{
  struct fixture fixture;
  fixture_set_up(&fixture);
  fixture_list(&fixture, ANT);
  fixture_member(&fixture, ANT, MEMBER_MEMBER, "bea@example.org", NULL);
  fixture_run(&fixture, "INSERT INTO ban (list_id, pattern, created_at) VALUES (1, 'ban@example.net', 1), (0, '^.*@bad[.]example', 1)");
  OWN(list) list = fixture_find(&fixture, ANT);
  g_assert_cmpint(list->id, ==, 1);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    check_row(&fixture, list, &rows[i]);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting"), ==, 0);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM message"), ==, 0);
  fixture_tear_down(&fixture);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/explain/answers", test_explain);
  return g_test_run();
}
