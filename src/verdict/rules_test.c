/* Each rule by itself, the order of the chain, and what a list that conceals its members says. */
#include "verdict/moderation.h"
#include <string.h>

/* A list and a message's facts, made by hand. */
struct setup {
  const char *defect, *automatic, *banned;
  size_t hops, size;
  bool own_list_id, own_hop;
  bool emergency, conceal;
  int member_default, nonmember_default; /* 0: the style's; else 1 + enum moderation */
  int64_t limit;                         /* KiB; 0: none */
  bool hold_large;
  struct sender senders[3];
};
#define ACTION(moderation) (1 + MODERATION_##moderation)
#define MEMBER(who, what) { .address = (who), .key = (who), .source = "From", .proves_membership = true, .is_member = true, .roster = "member", .moderation = (what) }
#define NONMEMBER(who, what) { .address = (who), .key = (who), .source = "From", .proves_membership = true, .is_nonmember = true, .roster = "nonmember", .moderation = (what) }
#define STRANGER(who) { .address = (who), .key = (who), .source = "From", .proves_membership = true, .roster = "", .moderation = -1 }
#define REPLY_TO(who) { .address = (who), .key = (who), .source = "Reply-To", .is_member = true, .roster = "member", .moderation = -1 }

struct fixture {
  struct list *list;
  struct content content;
  struct facts facts;
};

static void
fixture_set_up(struct fixture *fixture, const struct setup *setup)
{
  memset(fixture, 0, sizeof *fixture);
  struct list *list = fixture->list = list_new("ant", "example.com", "listward-default");
  list->settings.emergency = setup->emergency;
  list->settings.conceal_members = setup->conceal;
  list->settings.max_message_size = setup->limit;
  list->settings.max_message_size_action = setup->hold_large ? OVERSIZE_HOLD : OVERSIZE_REJECT;
  if (setup->member_default)
    list->settings.default_member_action = setup->member_default - 1;
  if (setup->nonmember_default)
    list->settings.default_nonmember_action = setup->nonmember_default - 1;

  fixture->content = (struct content){
    .message = { "", setup->size }, .defect = (char *)setup->defect, .automatic = setup->automatic ? setup->automatic : "", .hops = setup->hops,
    .reverse_path = (char *)"bea@example.org",
  };
  fixture->facts = (struct facts){
    .list = list, .content = &fixture->content, .banned = (char *)setup->banned, .own_list_id = setup->own_list_id, .own_hop = setup->own_hop,
    .senders = g_ptr_array_new(),
  };
  for (size_t i = 0; i < G_N_ELEMENTS(setup->senders) && setup->senders[i].address; i++)
    g_ptr_array_add(fixture->facts.senders, (gpointer)&setup->senders[i]);
}

static void
fixture_tear_down(struct fixture *fixture)
{
  list_unref(fixture->list);
  g_ptr_array_unref(fixture->facts.senders);
}

static const struct row {
  const char *name;
  struct setup setup;
  enum verdict_action action;
  enum verdict_ground ground;
  const char *rule, *reason; /* reason: what it must hold */
  enum reply reply;          /* what would be answered */
} rows[] = {
  { .name = "a member posts", .setup = { .senders = { MEMBER("bea@example.org", -1) } }, .action = VERDICT_ACCEPT, .rule = "", .reason = "", .reply = REPLY_ACCEPTED },
  { .name = "malformed", .setup = { .defect = "NUL in the header", .senders = { MEMBER("bea@example.org", -1) } }, .action = VERDICT_REJECT, .ground = GROUND_CONTENT,
    .rule = "malformed", .reason = "NUL in the header", .reply = REPLY_MALFORMED },
  { .name = "malformed before all else", .setup = { .defect = "odd", .automatic = "odd", .own_hop = true, .banned = "bea@example.org", .emergency = true },
    .action = VERDICT_REJECT, .ground = GROUND_CONTENT, .rule = "malformed", .reason = "odd", .reply = REPLY_MALFORMED },
  { .name = "automatic", .setup = { .automatic = "the null reverse-path", .senders = { MEMBER("bea@example.org", MODERATION_ACCEPT) } }, .action = VERDICT_DISCARD,
    .rule = "auto-reply", .reason = "null reverse-path", .reply = REPLY_DISCARDED },
  { .name = "automatic before loop", .setup = { .automatic = "Auto-Submitted", .own_list_id = true }, .action = VERDICT_DISCARD, .rule = "auto-reply",
    .reason = "Auto-Submitted", .reply = REPLY_DISCARDED },
  { .name = "own List-Id", .setup = { .own_list_id = true, .senders = { MEMBER("bea@example.org", MODERATION_ACCEPT) } }, .action = VERDICT_REJECT,
    .ground = GROUND_LOOP, .rule = "loop", .reason = "List-Id", .reply = REPLY_LOOP },
  { .name = "own hop header", .setup = { .own_hop = true, .senders = { STRANGER("bea@example.org") } }, .action = VERDICT_REJECT, .ground = GROUND_LOOP, .rule = "loop",
    .reason = "mark", .reply = REPLY_LOOP },
  { .name = "51 hops", .setup = { .hops = 51, .senders = { MEMBER("bea@example.org", -1) } }, .action = VERDICT_REJECT, .ground = GROUND_LOOP, .rule = "loop",
    .reason = "51 Received fields", .reply = REPLY_LOOP },
  { .name = "50 hops", .setup = { .hops = 50, .senders = { MEMBER("bea@example.org", -1) } }, .action = VERDICT_ACCEPT, .rule = "", .reason = "", .reply = REPLY_ACCEPTED },
  { .name = "too large", .setup = { .limit = 10, .size = 10241, .senders = { MEMBER("bea@example.org", -1) } }, .action = VERDICT_REJECT, .ground = GROUND_SIZE,
    .rule = "max-size", .reason = "up to 10 KiB, this has 11", .reply = REPLY_TOO_LARGE },
  { .name = "as large as may be", .setup = { .limit = 10, .size = 10240, .senders = { MEMBER("bea@example.org", -1) } }, .action = VERDICT_ACCEPT, .rule = "",
    .reason = "", .reply = REPLY_ACCEPTED },
  { .name = "no limit", .setup = { .limit = 0, .size = 1 << 30, .senders = { MEMBER("bea@example.org", -1) } }, .action = VERDICT_ACCEPT, .rule = "", .reason = "",
    .reply = REPLY_ACCEPTED },
  { .name = "too large is refused to everybody", .setup = { .limit = 10, .size = 20000, .emergency = true, .senders = { MEMBER("bea@example.org", MODERATION_ACCEPT) } },
    .action = VERDICT_REJECT, .ground = GROUND_SIZE, .rule = "max-size", .reason = "up to 10 KiB", .reply = REPLY_TOO_LARGE },
  { .name = "too large, held", .setup = { .limit = 10, .size = 10241, .hold_large = true, .senders = { MEMBER("bea@example.org", -1) } }, .action = VERDICT_HOLD,
    .rule = "max-size-hold", .reason = "up to 10 KiB, this has 11", .reply = REPLY_HELD },
  { .name = "a stranger's is not held for being large", .setup = { .limit = 10, .size = 10241, .hold_large = true, .senders = { STRANGER("bea@example.org") } },
    .action = VERDICT_REJECT, .ground = GROUND_STRANGER, .rule = "nonmember-moderation", .reason = "not a member", .reply = REPLY_REFUSED },
  { .name = "accept passes the hold for size", .setup = { .limit = 10, .size = 10241, .hold_large = true, .senders = { MEMBER("bea@example.org", MODERATION_ACCEPT) } },
    .action = VERDICT_ACCEPT, .rule = "member-moderation", .reason = "", .reply = REPLY_ACCEPTED },
  { .name = "no sender", .setup = { .size = 1 }, .action = VERDICT_DISCARD, .rule = "no-senders", .reason = "no sender", .reply = REPLY_DISCARDED },
  { .name = "emergency", .setup = { .emergency = true, .senders = { MEMBER("bea@example.org", MODERATION_ACCEPT) } }, .action = VERDICT_HOLD, .rule = "emergency",
    .reason = "wait for a moderator", .reply = REPLY_HELD },
  { .name = "banned", .setup = { .banned = "^.*@example[.]org", .senders = { MEMBER("bea@example.org", MODERATION_ACCEPT) } }, .action = VERDICT_REJECT,
    .ground = GROUND_POLICY, .rule = "banned-address", .reason = "ant-owner@example.com", .reply = REPLY_REFUSED },
  { .name = "member's own hold", .setup = { .senders = { MEMBER("bea@example.org", MODERATION_HOLD) } }, .action = VERDICT_HOLD, .rule = "member-moderation",
    .reason = "wait for a moderator", .reply = REPLY_HELD },
  { .name = "member's own reject", .setup = { .senders = { MEMBER("bea@example.org", MODERATION_REJECT) } }, .action = VERDICT_REJECT, .ground = GROUND_POLICY,
    .rule = "member-moderation", .reason = "you may not post", .reply = REPLY_REFUSED },
  { .name = "member's own discard", .setup = { .senders = { MEMBER("bea@example.org", MODERATION_DISCARD) } }, .action = VERDICT_DISCARD, .rule = "member-moderation",
    .reason = "discards", .reply = REPLY_DISCARDED },
  { .name = "member's own defer over the default", .setup = { .member_default = ACTION(HOLD), .senders = { MEMBER("bea@example.org", MODERATION_DEFER) } },
    .action = VERDICT_ACCEPT, .rule = "", .reason = "", .reply = REPLY_ACCEPTED },
  { .name = "members do not post", .setup = { .member_default = ACTION(REJECT), .senders = { MEMBER("bea@example.org", -1) } }, .action = VERDICT_REJECT,
    .ground = GROUND_STRANGER, .rule = "member-moderation", .reason = "members do not post", .reply = REPLY_REFUSED },
  { .name = "members are held", .setup = { .member_default = ACTION(HOLD), .senders = { MEMBER("bea@example.org", -1) } }, .action = VERDICT_HOLD,
    .rule = "member-moderation", .reason = "wait for a moderator", .reply = REPLY_HELD },
  { .name = "the first member whose action is not defer decides",
    .setup = { .senders = { MEMBER("bea@example.org", MODERATION_DEFER), MEMBER("cid@example.org", MODERATION_HOLD), MEMBER("dan@example.org", MODERATION_ACCEPT) } },
    .action = VERDICT_HOLD, .rule = "member-moderation", .reason = "wait", .reply = REPLY_HELD },
  { .name = "one member among strangers is enough", .setup = { .senders = { STRANGER("eve@example.org"), MEMBER("bea@example.org", -1) } }, .action = VERDICT_ACCEPT,
    .rule = "", .reason = "", .reply = REPLY_ACCEPTED },
  { .name = "Reply-To proves no membership", .setup = { .senders = { STRANGER("eve@example.org"), REPLY_TO("bea@example.org") } }, .action = VERDICT_REJECT,
    .ground = GROUND_STRANGER, .rule = "nonmember-moderation", .reason = "not a member", .reply = REPLY_REFUSED },
  { .name = "a stranger", .setup = { .senders = { STRANGER("eve@example.org") } }, .action = VERDICT_REJECT, .ground = GROUND_STRANGER,
    .rule = "nonmember-moderation", .reason = "you are not a member of ant@example.com; to become one, write to ant-owner@example.com", .reply = REPLY_REFUSED },
  { .name = "strangers are held", .setup = { .nonmember_default = ACTION(HOLD), .senders = { STRANGER("eve@example.org") } }, .action = VERDICT_HOLD,
    .rule = "nonmember-moderation", .reason = "not a member", .reply = REPLY_HELD },
  { .name = "strangers are discarded", .setup = { .nonmember_default = ACTION(DISCARD), .senders = { STRANGER("eve@example.org") } }, .action = VERDICT_DISCARD,
    .rule = "nonmember-moderation", .reason = "discards", .reply = REPLY_DISCARDED },
  { .name = "strangers may post", .setup = { .nonmember_default = ACTION(ACCEPT), .senders = { STRANGER("eve@example.org") } }, .action = VERDICT_ACCEPT,
    .rule = "nonmember-moderation", .reason = "", .reply = REPLY_ACCEPTED },
  { .name = "strangers go on to the other rules", .setup = { .nonmember_default = ACTION(DEFER), .limit = 1, .size = 2000, .hold_large = true,
    .senders = { STRANGER("eve@example.org") } }, .action = VERDICT_HOLD, .rule = "max-size-hold", .reason = "1 KiB", .reply = REPLY_HELD },
  { .name = "a known non-member may post", .setup = { .senders = { NONMEMBER("eve@example.org", MODERATION_ACCEPT) } }, .action = VERDICT_ACCEPT,
    .rule = "nonmember-moderation", .reason = "", .reply = REPLY_ACCEPTED },
  { .name = "a known non-member may not", .setup = { .nonmember_default = ACTION(ACCEPT), .senders = { NONMEMBER("eve@example.org", MODERATION_REJECT) } },
    .action = VERDICT_REJECT, .ground = GROUND_POLICY, .rule = "nonmember-moderation", .reason = "you may not post", .reply = REPLY_REFUSED },
  { .name = "a known non-member without an action", .setup = { .nonmember_default = ACTION(HOLD), .senders = { NONMEMBER("eve@example.org", -1) } },
    .action = VERDICT_HOLD, .rule = "nonmember-moderation", .reason = "not a member", .reply = REPLY_HELD },
  { .name = "concealed: a stranger", .setup = { .conceal = true, .senders = { STRANGER("eve@example.org") } }, .action = VERDICT_HOLD, .rule = "nonmember-moderation",
    .reason = "postings to ant@example.com wait for a moderator", .reply = REPLY_HELD },
  { .name = "concealed: members do not post", .setup = { .conceal = true, .member_default = ACTION(REJECT), .senders = { MEMBER("bea@example.org", -1) } },
    .action = VERDICT_HOLD, .rule = "member-moderation", .reason = "postings to ant@example.com wait for a moderator", .reply = REPLY_HELD },
  { .name = "concealed: a member on the reject list", .setup = { .conceal = true, .senders = { MEMBER("bea@example.org", MODERATION_REJECT) } },
    .action = VERDICT_HOLD, .rule = "member-moderation", .reason = "postings to ant@example.com wait for a moderator", .reply = REPLY_HELD },
  { .name = "concealed: strangers are held", .setup = { .conceal = true, .nonmember_default = ACTION(HOLD), .senders = { STRANGER("eve@example.org") } },
    .action = VERDICT_HOLD, .rule = "nonmember-moderation", .reason = "postings to ant@example.com wait for a moderator", .reply = REPLY_HELD },
};

static void
check_row(const struct row *row)
{
  struct fixture fixture;
  fixture_set_up(&fixture, &row->setup);
  struct verdict verdict;
  verdict_judge(&fixture.facts, &verdict, NULL);
  g_test_message("%s: %s by \"%s\": %s", row->name, verdict_action_name(verdict.action), verdict.rule, verdict.reason);
  g_assert_cmpstr(verdict_action_name(verdict.action), ==, verdict_action_name(row->action));
  g_assert_cmpstr(verdict_ground_name(verdict.ground), ==, verdict_ground_name(row->ground));
  g_assert_cmpstr(verdict.rule, ==, row->rule);
  g_assert_nonnull(strstr(verdict.reason, row->reason));
  g_assert_true(row->reason[0] || !verdict.reason[0]);
  g_assert_cmpint(verdict_reply(&verdict), ==, row->reply);
  verdict_clear(&verdict);
  fixture_tear_down(&fixture);
}

static void
test_rules(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    check_row(&rows[i]);
}

/* With a trace the verdict is the same, every rule has a step in order, and the first hit is the one that decides. */
static void
check_trace(const struct row *row)
{
  struct fixture fixture;
  fixture_set_up(&fixture, &row->setup);
  OWN(trace) trace = trace_new();
  struct verdict verdict;
  verdict_judge(&fixture.facts, &verdict, trace);
  g_test_message("%s", row->name);
  g_assert_cmpstr(verdict.rule, ==, row->rule);
  const char *hit = "";
  for (guint i = 0; i < trace->steps->len; i++) {
    const struct trace_step *step = g_ptr_array_index(trace->steps, i);
    g_assert_cmpstr(step->rule, ==, verdict_rule_nth(i));
    g_assert_cmpstr(step->facts, !=, "");
    if (step->hit && !*hit) {
      hit = step->rule;
      g_assert_cmpint(step->action, ==, verdict.action);
    }
  }
  g_assert_null(verdict_rule_nth(trace->steps->len));
  g_assert_cmpstr(hit, ==, row->rule);
  verdict_clear(&verdict);
  fixture_tear_down(&fixture);
}

static void
test_trace(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    check_trace(&rows[i]);
}

/* On a list that conceals its members every answer but acceptance and discard is the same for members and strangers. */
static void
test_conceal(void)
{
  static const enum moderation actions[] = { MODERATION_HOLD, MODERATION_REJECT };
  g_autofree char *first = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS(actions); i++)
    for (enum moderated who = MODERATED_RECORD; who <= MODERATED_STRANGER; who++) {
      struct fixture fixture;
      fixture_set_up(&fixture, &(struct setup){ .conceal = true });
      struct verdict verdict;
      g_assert_true(moderation_apply(&fixture.facts, actions[i], who, &verdict));
      g_assert_cmpint(verdict.action, ==, VERDICT_HOLD);
      if (!first)
        first = g_strdup(verdict.reason);
      g_assert_cmpstr(verdict.reason, ==, first);
      verdict_clear(&verdict);
      fixture_tear_down(&fixture);
    }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/verdict/rules", test_rules);
  g_test_add_func("/verdict/trace", test_trace);
  g_test_add_func("/verdict/conceal", test_conceal);
  return g_test_run();
}
