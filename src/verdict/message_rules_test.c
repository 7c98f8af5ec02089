/* The rules that look at the message itself, behind moderation: what they hold, and why. */
#include "verdict/verdict.h"
#include <string.h>

#define TEN "a0@x.org, a1@x.org, a2@x.org, a3@x.org, a4@x.org, a5@x.org, a6@x.org, a7@x.org, a8@x.org, a9@x.org"
#define EXPLICIT "require_explicit_destination", "true"
#define LINES9 "1\r\n2\r\n\r\n3\r\n4\r\n5\r\n6\r\n7\r\n8\r\n9\r\n"
#define FROM "From: bea@example.org\r\n"

static const struct row {
  const char *name;
  const char *settings[4]; /* name, stored form; … */
  const char *message, *domain_alias;
  const char *rule, *reason; /* "": accepted; else held */
} rows[] = {
  { .name = "as many recipients as may be", .settings = { "max_num_recipients", "11" }, .message = FROM "To: " TEN "\r\n\r\n", .rule = "" },
  { .name = "one more", .settings = { "max_num_recipients", "11" }, .message = FROM "To: " TEN "\r\nCc: b@x.org\r\n\r\n", .rule = "max-recipients",
    .reason = "it has 11 addresses in To and Cc, and ant@example.com takes fewer than 11" },
  { .name = "several fields", .settings = { "max_num_recipients", "3" }, .message = FROM "To: a@x.org\r\ncc: b@x.org\r\nTO: c@x.org\r\n\r\n", .rule = "max-recipients",
    .reason = "3 addresses" },
  { .name = "no other fields", .settings = { "max_num_recipients", "2" }, .message = FROM "To: a@x.org\r\nReply-To: b@x.org\r\nResent-To: c@x.org\r\nBcc: d@x.org\r\n\r\n",
    .rule = "" },
  { .name = "groups count by their members", .settings = { "max_num_recipients", "2" }, .message = FROM "To: undisclosed-recipients:;, x: a@x.org, b@x.org;\r\n\r\n",
    .rule = "max-recipients", .reason = "2 addresses" },
  { .name = "no limit", .settings = { "max_num_recipients", "0" }, .message = FROM "To: " TEN "\r\nCc: " TEN "\r\n\r\n", .rule = "" },
  { .name = "no recipient at all", .settings = { "max_num_recipients", "1" }, .message = FROM "\r\n", .rule = "" },
  { .name = "concealed", .settings = { "max_num_recipients", "1", "conceal_members", "true" }, .message = FROM "To: a@x.org\r\n\r\n", .rule = "max-recipients",
    .reason = "postings to ant@example.com wait for a moderator" },
  { .name = "a command in the subject", .message = FROM "Subject: =?utf-8?q?Unsubscribe?=\r\n\r\nhello\r\n", .rule = "administrivia",
    .reason = "the subject has the command \"unsubscribe\", and commands to ant@example.com go to ant-request@example.com" },
  { .name = "a command in the text", .message = FROM "Subject: x\r\n\r\n\r\n  \r\n\tSUBSCRIBE  digest  \r\n", .rule = "administrivia",
    .reason = "the text has the command \"subscribe\"" },
  { .name = "in an encoded part", .message = FROM "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\naGVscAo=\r\n--b--\r\n",
    .rule = "administrivia", .reason = "\"help\"" },
  { .name = "too many words", .message = FROM "Subject: help me\r\n\r\nunsubscribe me please\r\nsubscribe a b c d\r\n", .rule = "" },
  { .name = "too few words", .message = FROM "Subject: set\r\n\r\npassword a\r\nconfirm\r\nset a b\r\n", .rule = "" },
  { .name = "words of a command", .message = FROM "\r\nset a b c\r\n", .rule = "administrivia", .reason = "\"set\"" },
  { .name = "no command's name", .message = FROM "Subject: helper\r\n\r\nwh\r\nRe: help\r\n> help\r\n", .rule = "" },
  { .name = "in the tenth line", .message = FROM "\r\n" LINES9 "\r\nhelp\r\n", .rule = "administrivia", .reason = "\"help\"" },
  { .name = "in the eleventh line", .message = FROM "\r\n" LINES9 "x\r\nhelp\r\n", .rule = "" },
  { .name = "in HTML", .message = FROM "Content-Type: text/html\r\n\r\nhelp\r\n", .rule = "" },
  { .name = "commands are welcome", .settings = { "administrivia", "false" }, .message = FROM "Subject: help\r\n\r\nhelp\r\n", .rule = "" },
  { .name = "a command, concealed", .settings = { "conceal_members", "true" }, .message = FROM "Subject: help\r\n\r\n", .rule = "administrivia",
    .reason = "postings to ant@example.com wait for a moderator" },
  { .name = "a command before the rest", .settings = { EXPLICIT, "require_subject", "true" }, .message = FROM "\r\njoin\r\n", .rule = "administrivia", .reason = "\"join\"" },
  { .name = "named in To", .settings = { EXPLICIT }, .message = FROM "To: a@x.org, Ants <ANT@Example.COM>\r\n\r\n", .rule = "" },
  { .name = "named in Cc", .settings = { EXPLICIT }, .message = FROM "To: a@x.org\r\nCc: ant@example.com\r\n\r\n", .rule = "" },
  { .name = "named in Resent-Cc", .settings = { EXPLICIT }, .message = FROM "To: a@x.org\r\nResent-Cc: ant@example.com\r\n\r\n", .rule = "" },
  { .name = "named nowhere", .settings = { EXPLICIT }, .message = FROM "To: aunt@example.com, ant@example.org, ant-owner@example.com\r\n\r\n", .rule = "implicit-dest",
    .reason = "neither To nor Cc names ant@example.com" },
  { .name = "named in a name", .settings = { EXPLICIT }, .message = FROM "To: \"ant@example.com\" <a@x.org>\r\n\r\n", .rule = "implicit-dest", .reason = "neither" },
  { .name = "named in Bcc", .settings = { EXPLICIT }, .message = FROM "Bcc: ant@example.com\r\n\r\n", .rule = "implicit-dest", .reason = "neither" },
  { .name = "no field", .settings = { EXPLICIT }, .message = FROM "\r\n", .rule = "implicit-dest", .reason = "neither" },
  { .name = "need not be named", .settings = { "require_explicit_destination", "false" }, .message = FROM "To: a@x.org\r\n\r\n", .rule = "" },
  { .name = "an alias", .settings = { EXPLICIT, "acceptable_aliases", "[\"x@x.org\",\"all@x.org\"]" }, .message = FROM "To: All@X.org\r\n\r\n", .rule = "" },
  { .name = "no alias", .settings = { EXPLICIT, "acceptable_aliases", "[\"all@x.org\"]" }, .message = FROM "To: tall@x.org\r\n\r\n", .rule = "implicit-dest",
    .reason = "neither" },
  { .name = "a pattern", .settings = { EXPLICIT, "acceptable_aliases", "[\"^.*@x[.]org$\"]" }, .message = FROM "To: b@y.org, b@X.org\r\n\r\n", .rule = "" },
  { .name = "a pattern at the start", .settings = { EXPLICIT, "acceptable_aliases", "[\"^ll@\"]" }, .message = FROM "To: all@x.org\r\n\r\n", .rule = "implicit-dest",
    .reason = "neither" },
  { .name = "the list's other domain", .settings = { EXPLICIT }, .domain_alias = "old.example", .message = FROM "To: ant@old.example\r\n\r\n", .rule = "" },
  { .name = "another list there", .settings = { EXPLICIT }, .domain_alias = "old.example", .message = FROM "To: ants@old.example\r\n\r\n", .rule = "implicit-dest",
    .reason = "neither" },
  { .name = "not named, concealed", .settings = { EXPLICIT, "conceal_members", "true" }, .message = FROM "\r\n", .rule = "implicit-dest", .reason = "wait for a moderator" },
  { .name = "a subject", .settings = { "require_subject", "true" }, .message = FROM "Subject: x\r\n\r\n", .rule = "" },
  { .name = "no subject", .settings = { "require_subject", "true" }, .message = FROM "\r\nSubject: x\r\n", .rule = "no-subject",
    .reason = "postings to ant@example.com need a subject, and this has none" },
  { .name = "an empty one", .settings = { "require_subject", "true" }, .message = FROM "subject: \r\n \t \r\n\r\n", .rule = "no-subject", .reason = "need a subject" },
  { .name = "one that decodes to nothing", .settings = { "require_subject", "true" }, .message = FROM "Subject: =?utf-8?q?_?=\r\n\r\n", .rule = "no-subject", .reason = "need" },
  { .name = "not asked for", .settings = { "require_subject", "false" }, .message = FROM "\r\n", .rule = "" },
  { .name = "no subject, concealed", .settings = { "require_subject", "true", "conceal_members", "true" }, .message = FROM "\r\n", .rule = "no-subject",
    .reason = "postings to ant@example.com wait for a moderator" },
};

#define SPAM "X-Spam-Flag: YES\r\n"
#define SLOW "(a+)+$"
#define AAAA "X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\r\n"

static const struct match_row {
  const char *name;
  const char *settings[6];
  const char *message;
  enum verdict_action action;
  enum verdict_ground ground;
  const char *rule, *reason;
} match_rows[] = {
  { .name = "hold", .settings = { "header_matches", "[\"hold x-spam-flag: ^yes\"]" }, .message = FROM SPAM "\r\n", .action = VERDICT_HOLD, .rule = "header-match",
    .reason = "messages with a \"x-spam-flag\" field like this wait for a moderator of ant@example.com" },
  { .name = "no action", .settings = { "header_matches", "[\"x-spam-flag: e\"]" }, .message = FROM SPAM "\r\n", .action = VERDICT_HOLD, .rule = "header-match", .reason = "wait" },
  { .name = "reject", .settings = { "header_matches", "[\"reject x-spam-flag: e\"]" }, .message = FROM SPAM "\r\n", .action = VERDICT_REJECT, .ground = GROUND_POLICY,
    .rule = "header-match", .reason = "ant@example.com takes no messages with a \"x-spam-flag\" field like this; if you think it should, write to ant-owner@example.com" },
  { .name = "reject, concealed", .settings = { "header_matches", "[\"reject x-spam-flag: e\"]", "conceal_members", "true" }, .message = FROM SPAM "\r\n",
    .action = VERDICT_HOLD, .rule = "header-match", .reason = "postings to ant@example.com wait for a moderator" },
  { .name = "discard", .settings = { "header_matches", "[\"discard x-spam-flag: e\"]" }, .message = FROM SPAM "\r\n", .action = VERDICT_DISCARD, .rule = "header-match",
    .reason = "ant@example.com discards messages" },
  { .name = "accept passes the rules behind it", .settings = { "header_matches", "[\"accept x-spam-flag: e\"]", "require_subject", "true" }, .message = FROM SPAM "\r\n",
    .action = VERDICT_ACCEPT, .rule = "header-match", .reason = "" },
  { .name = "another value", .settings = { "header_matches", "[\"hold x-spam-flag: no\"]" }, .message = FROM SPAM "\r\n", .rule = "", .reason = "" },
  { .name = "another field", .settings = { "header_matches", "[\"hold x-spam: yes\"]" }, .message = FROM SPAM "\r\nX-Spam: yes\r\n", .rule = "", .reason = "" },
  { .name = "the first that hits", .settings = { "header_matches", "[\"reject from: nobody\",\"discard x-spam-flag: .\",\"hold from: .\"]" }, .message = FROM SPAM "\r\n",
    .action = VERDICT_DISCARD, .rule = "header-match", .reason = "x-spam-flag" },
  { .name = "each of several fields", .settings = { "header_matches", "[\"hold x-a: two\"]" }, .message = FROM "X-A: one\r\nX-A: two\r\n\r\n", .action = VERDICT_HOLD,
    .rule = "header-match", .reason = "x-a" },
  { .name = "decoded and unfolded", .settings = { "header_matches", "[\"hold subject: ^b\303\244h lamb$\"]" }, .message = FROM "Subject: =?iso-8859-1?q?B=C4H?=\r\n lamb\r\n\r\n",
    .action = VERDICT_HOLD, .rule = "header-match", .reason = "subject" },
  { .name = "without an end", .settings = { "header_matches", "[\"accept x-a: " SLOW "\"]" }, .message = FROM AAAA "\r\n", .action = VERDICT_HOLD, .rule = "header-match",
    .reason = "x-a" },
  { .name = "no header match", .settings = { "header_matches", "[\"no match\"]" }, .message = FROM SPAM "\r\n", .rule = "", .reason = "" },
  { .name = "suspicious", .settings = { "bounce_matching_headers", "[\"x-spam-flag: yes\"]" }, .message = FROM SPAM "\r\n", .action = VERDICT_HOLD, .rule = "suspicious-header",
    .reason = "x-spam-flag" },
  { .name = "suspicious, behind the others", .settings = { "bounce_matching_headers", "[\"from: .\"]", "require_subject", "true" }, .message = FROM "\r\n",
    .action = VERDICT_HOLD, .rule = "no-subject", .reason = "subject" },
};

static void
judge(const char *const *settings, size_t n, struct slice message, const char *domain_alias, struct verdict *verdict, struct trace *trace)
{
  OWN(list) list = list_new("ant", "example.com", "listward-default");
  for (size_t i = 0; i + 1 < n && settings[i]; i += 2)
    setting_apply(setting_find(settings[i]), settings[i + 1], &list->settings);
  OWN(content) content = content_read(message, "bea@example.org");
  struct sender member = { .address = (char *)"bea@example.org", .key = (char *)"bea@example.org", .source = "From", .proves_membership = true, .is_member = true,
                           .roster = "member", .moderation = -1 };
  struct facts facts = { .list = list, .content = content, .senders = g_ptr_array_new(), .domain_alias = (char *)domain_alias };
  g_ptr_array_add(facts.senders, &member);
  verdict_judge(&facts, verdict, trace);
  g_ptr_array_unref(facts.senders);
}

static void
check_row(const struct row *row)
{
  struct verdict verdict, traced;
  OWN(trace) trace = trace_new();
  struct slice message = slice_of(row->message);
  judge(row->settings, G_N_ELEMENTS(row->settings), message, row->domain_alias, &verdict, NULL);
  judge(row->settings, G_N_ELEMENTS(row->settings), message, row->domain_alias, &traced, trace);
  g_test_message("%s: %s by \"%s\": %s", row->name, verdict_action_name(verdict.action), verdict.rule, verdict.reason);
  g_assert_cmpstr(verdict.rule, ==, row->rule);
  g_assert_cmpstr(traced.rule, ==, row->rule);
  g_assert_cmpstr(traced.reason, ==, verdict.reason);
  g_assert_cmpstr(verdict_action_name(verdict.action), ==, *row->rule ? "hold" : "accept");
  g_assert_true(row->reason ? strstr(verdict.reason, row->reason) != NULL : !*verdict.reason);
  verdict_clear(&verdict);
  verdict_clear(&traced);
}

static void
test_rows(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    check_row(&rows[i]);
}

static void
test_matches(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(match_rows); i++) {
    const struct match_row *row = &match_rows[i];
    struct verdict verdict;
    judge(row->settings, G_N_ELEMENTS(row->settings), slice_of(row->message), NULL, &verdict, NULL);
    g_test_message("%s: %s by \"%s\": %s", row->name, verdict_action_name(verdict.action), verdict.rule, verdict.reason);
    g_assert_cmpstr(verdict_action_name(verdict.action), ==, verdict_action_name(row->action));
    g_assert_cmpstr(verdict_ground_name(verdict.ground), ==, verdict_ground_name(row->ground));
    g_assert_cmpstr(verdict.rule, ==, row->rule);
    g_assert_true(strstr(verdict.reason, row->reason) && (*row->reason || !*verdict.reason));
    verdict_clear(&verdict);
  }
}

/* Before the actions for non-members: what is accepted there needs no member. */
static void
test_match_of_a_stranger(void)
{
  OWN(list) list = list_new("ant", "example.com", "listward-default");
  setting_apply(setting_find("header_matches"), "[\"accept x-pass: .\"]", &list->settings);
  OWN(content) content = content_read(slice_of(FROM "X-Pass: x\r\n\r\n"), "bea@example.org");
  struct facts facts = { .list = list, .content = content, .senders = content->senders };
  struct verdict verdict;
  verdict_judge(&facts, &verdict, NULL);
  g_assert_cmpstr(verdict.rule, ==, "header-match");
  g_assert_cmpint(verdict.action, ==, VERDICT_ACCEPT);
  verdict_clear(&verdict);
}

/* More rows and fields than are tried: the message is held, whatever would come of it. */
static void
test_many_fields(void)
{
  static const char *const settings[] = { "header_matches", "[\"reject x-a: none\",\"reject x-a: nobody\",\"accept x-b: .\"]" };
  for (int fields = 2498; fields <= 2499; fields++) {
    g_autoptr(GString) message = g_string_new(FROM "X-B: x\r\n");
    for (int i = 0; i < fields; i++)
      g_string_append(message, "X-A: x\r\n");
    g_string_append(message, "\r\n");
    struct verdict verdict;
    judge(settings, 2, slice_of(message->str), NULL, &verdict, NULL);
    g_assert_cmpstr(verdict_action_name(verdict.action), ==, fields == 2498 ? "accept" : "hold");
    verdict_clear(&verdict);
  }
}

/* More addresses than are read of a field are too many for any limit. */
static void
test_uncounted(void)
{
  static const char *const settings[] = { "max_num_recipients", "1000000" };
  g_autoptr(GString) message = g_string_new(FROM "To: a@x.org");
  struct verdict verdict;
  for (int i = 1; i <= 1000; i++) {
    if (i == 999 || i == 1000) {
      g_autofree char *whole = g_strconcat(message->str, "\r\n\r\n", NULL);
      judge(settings, 2, slice_of(whole), NULL, &verdict, NULL);
      g_assert_cmpstr(verdict.rule, ==, i == 1000 ? "max-recipients" : "");
      verdict_clear(&verdict);
    }
    g_string_append_printf(message, ",\r\n a%d@x.org", i);
  }
}

/* A pattern beyond the number of those that are tried is not: a message costs a bounded time, and is held. */
static void
test_many_patterns(void)
{
  g_autoptr(GString) aliases = g_string_new("[\"^none@\"");
  for (int i = 1; i < 200; i++)
    g_string_append_printf(aliases, ",\"^none%d@\"", i);
  g_string_append(aliases, ",\"^b@\"]");
  const char *const settings[] = { EXPLICIT, "acceptable_aliases", aliases->str };
  static const struct {
    int others;
    const char *rule;
  } turns[] = { { 8, "" }, { 9, "implicit-dest" } };
  for (size_t i = 0; i < G_N_ELEMENTS(turns); i++) {
    g_autoptr(GString) message = g_string_new(FROM "To: ");
    for (int j = 0; j < turns[i].others; j++)
      g_string_append_printf(message, "a%d@x.org, ", j);
    g_string_append(message, "b@x.org\r\n\r\n");
    struct verdict verdict;
    judge(settings, 4, slice_of(message->str), NULL, &verdict, NULL);
    g_assert_cmpstr(verdict.rule, ==, turns[i].rule);
    verdict_clear(&verdict);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/message-rules/rows", test_rows);
  g_test_add_func("/message-rules/matches", test_matches);
  g_test_add_func("/message-rules/match-of-a-stranger", test_match_of_a_stranger);
  g_test_add_func("/message-rules/many-fields", test_many_fields);
  g_test_add_func("/message-rules/uncounted", test_uncounted);
  g_test_add_func("/message-rules/many-patterns", test_many_patterns);
  return g_test_run();
}
