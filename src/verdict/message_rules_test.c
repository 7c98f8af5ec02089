/* The rules that look at the message itself, behind moderation: what they hold, and why. */
#include "verdict/verdict.h"
#include <string.h>

#define TEN "a0@x.org, a1@x.org, a2@x.org, a3@x.org, a4@x.org, a5@x.org, a6@x.org, a7@x.org, a8@x.org, a9@x.org"
#define FROM "From: bea@example.org\r\n"

static const struct row {
  const char *name;
  const char *settings[4]; /* name, stored form; … */
  const char *message;
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
  { .name = "a subject", .settings = { "require_subject", "true" }, .message = FROM "Subject: x\r\n\r\n", .rule = "" },
  { .name = "no subject", .settings = { "require_subject", "true" }, .message = FROM "\r\nSubject: x\r\n", .rule = "no-subject",
    .reason = "postings to ant@example.com need a subject, and this has none" },
  { .name = "an empty one", .settings = { "require_subject", "true" }, .message = FROM "subject: \r\n \t \r\n\r\n", .rule = "no-subject", .reason = "need a subject" },
  { .name = "one that decodes to nothing", .settings = { "require_subject", "true" }, .message = FROM "Subject: =?utf-8?q?_?=\r\n\r\n", .rule = "no-subject", .reason = "need" },
  { .name = "not asked for", .settings = { "require_subject", "false" }, .message = FROM "\r\n", .rule = "" },
  { .name = "no subject, concealed", .settings = { "require_subject", "true", "conceal_members", "true" }, .message = FROM "\r\n", .rule = "no-subject",
    .reason = "postings to ant@example.com wait for a moderator" },
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
  judge(row->settings, G_N_ELEMENTS(row->settings), message, NULL, &verdict, NULL);
  judge(row->settings, G_N_ELEMENTS(row->settings), message, NULL, &traced, trace);
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

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/message-rules/rows", test_rows);
  g_test_add_func("/message-rules/uncounted", test_uncounted);
  return g_test_run();
}
