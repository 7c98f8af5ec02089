/* Reports of success: what stands in them, and when one is made. */
#include "queue/fixture.h"
#include "queue/success_report.h"
#include <string.h>

#define ANT "ant@example.com"
#define AT FIXTURE_NOW

/* --- what stands in them --- */

static char *
compose(const struct success_report *report)
{
  g_autoptr(GBytes) octets = success_report_compose(report, "abc");
  return slice_dup(slice_bytes(octets));
}

static void
test_whole(void)
{
  OWN(header_view) view = NULL;
  g_assert_cmpint(header_view_new(SLICE("From: a@x.example\r\nSubject: long\r\n line\r\n\r\nsecret\r\n"), &view, NULL), ==, RES_OK);
  const struct success_report_recipient recipients[] = {
    { .original = "rfc822;Old@x.example", .final = "Ant@example.com" },
    { .final = "ant+x@example.com" },
  };
  const struct success_report report = {
    .to = "a@x.example", .list = ANT, .owner = "ant-owner@example.com", .hostname = "lists.example.com", .envelope_id = "q+1", .header = view,
    .recipients = recipients, .n = 2, .at = AT,
  };
  g_autofree char *text = compose(&report);
  g_assert_cmpstr(text, ==,
                  "From: <ant-owner@example.com>\r\n"
                  "To: <a@x.example>\r\n"
                  "Subject: Delivered to ant@example.com\r\n"
                  "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
                  "Message-ID: <abc@lists.example.com>\r\n"
                  "Auto-Submitted: auto-replied\r\n"
                  "MIME-Version: 1.0\r\n"
                  "Content-Type: multipart/report; report-type=delivery-status;\r\n"
                  "\tboundary=\"abc.report\"\r\n"
                  "\r\n"
                  "--abc.report\r\n"
                  "Content-Type: text/plain; charset=utf-8\r\n"
                  "\r\n"
                  "Your message was accepted by the mailing list\r\n"
                  "\r\n"
                  "    ant@example.com\r\n"
                  "\r\n"
                  "and goes to its members. You are told because you asked for it; what\r\n"
                  "becomes of the members' copies is not reported to you.\r\n"
                  "\r\n"
                  "--abc.report\r\n"
                  "Content-Type: message/delivery-status\r\n"
                  "\r\n"
                  "Reporting-MTA: dns; lists.example.com\r\n"
                  "Original-Envelope-Id: q+1\r\n"
                  "Arrival-Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
                  "\r\n"
                  "Original-Recipient: rfc822; Old@x.example\r\n"
                  "Final-Recipient: rfc822; Ant@example.com\r\n"
                  "Action: delivered\r\n"
                  "Status: 2.1.5\r\n"
                  "\r\n"
                  "Final-Recipient: rfc822; ant+x@example.com\r\n"
                  "Action: delivered\r\n"
                  "Status: 2.1.5\r\n"
                  "\r\n"
                  "--abc.report\r\n"
                  "Content-Type: text/rfc822-headers\r\n"
                  "\r\n"
                  "From: a@x.example\r\n"
                  "Subject: long\r\n"
                  " line\r\n"
                  "\r\n"
                  "--abc.report--\r\n");
}

/* `has`: one that must be in it, `lacks`: one that must not. */
static const struct {
  const char *name, *original, *final, *header, *has, *lacks;
} words[] = {
  { "no ENVID", NULL, ANT, "A: b\r\n\r\n", "Arrival-Date: ", "Original-Envelope-Id" },
  { "no header", NULL, ANT, NULL, "Content-Type: text/rfc822-headers\r\n\r\n\r\n--abc.report--", "8bit" },
  { "all ASCII", "rfc822;a@x", ANT, "A: b\r\n\r\n", "Original-Recipient: rfc822; a@x\r\n", "8bit" },
  { "another type", "x400;/c=us/", ANT, "A: b\r\n\r\n", "Original-Recipient: x400; /c=us/\r\n", "8bit" },
  { "UTF-8 with a type of ASCII", "rfc822;\303\244+\\=@x", ANT, "A: b\r\n\r\n", "Original-Recipient: utf-8; \\x{E4}\\x{2B}\\x{5C}\\x{3D}@x\r\n", "rfc822; \303" },
  { "UTF-8, final", NULL, "\303\244@x", "A: b\r\n\r\n", "Final-Recipient: utf-8; \\x{E4}@x\r\n", "rfc822; \303" },
  { "8-bit header", NULL, ANT, "A: \344\r\n\r\n", "Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\nA: \344\r\n",
    "utf-8\r\nContent-Transfer-Encoding: 8bit" },
};

static void
test_words(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
    OWN(header_view) view = NULL;
    if (words[i].header)
      g_assert_cmpint(header_view_new(slice_of(words[i].header), &view, NULL), ==, RES_OK);
    const struct success_report_recipient recipient = { words[i].original, words[i].final };
    const struct success_report report = {
      .to = "a@x.example", .list = ANT, .owner = "ant-owner@example.com", .hostname = "h", .header = view, .recipients = &recipient, .n = 1, .at = AT,
    };
    g_autofree char *text = compose(&report);
    if (!strstr(text, words[i].has) || strstr(text, words[i].lacks))
      g_error("%s: %s", words[i].name, text);
  }
}

/* Nothing a stranger sends makes a report large, or a line of it too long. */
static void
test_bounds(void)
{
  g_autoptr(GString) header = g_string_new(NULL), original = g_string_new("rfc822;");
  g_string_printf(header, "X-Longer: %01000d\r\nX-Folded: %0600d\r\n %0600d\r\n", 0, 0, 0);
  while (header->len < 4 * SUCCESS_REPORT_HEADER_MAX - 200)
    g_string_append(header, "X-Long: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n");
  for (int i = 0; i < 400; i++)
    g_string_append(original, "\357\277\275");
  struct success_report_recipient recipients[SUCCESS_REPORT_RECIPIENTS_MAX + 1];
  for (size_t i = 0; i < G_N_ELEMENTS(recipients); i++)
    recipients[i] = (struct success_report_recipient){ original->str, ANT };
  OWN(header_view) view = NULL;
  g_assert_cmpint(header_view_new((struct slice){ header->str, header->len }, &view, NULL), ==, RES_OK);
  const struct success_report report = {
    .to = "a@x.example", .list = ANT, .owner = "ant-owner@example.com", .hostname = "h", .header = view, .recipients = recipients,
    .n = G_N_ELEMENTS(recipients), .at = AT,
  };
  g_autofree char *text = compose(&report);
  g_assert_cmpuint(strlen(text), <, SUCCESS_REPORT_HEADER_MAX + 16000);
  g_assert_cmpuint(strlen(text), >, SUCCESS_REPORT_HEADER_MAX);
  g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
  int finals = 0;
  for (char **line = lines; *line; line++) {
    g_assert_cmpuint(strlen(*line), <=, 998);
    finals += g_str_has_prefix(*line, "Final-Recipient: ");
  }
  g_assert_cmpint(finals, ==, SUCCESS_REPORT_RECIPIENTS_MAX);
  g_assert_null(strstr(text, "X-Longer"));
  g_assert_nonnull(strstr(text, "X-Folded"));
}

/* --- when one is made --- */

#define LOCAL .trusted = true, .source = "LOCAL", .report_success = true

static const struct row {
  const char *name;
  struct mail mail;
  enum reply want;
  int64_t reports;
} rows[] = {
  { "a member who asks", { .to = { ANT }, LOCAL }, REPLY_ACCEPTED, 1 },
  { "two recipients that mean the same", { .to = { ANT, "ant+x@example.com" }, LOCAL }, REPLY_ACCEPTED, 1 },
  { "one list of two accepts", { .to = { ANT, "bee@example.com" }, LOCAL }, REPLY_ACCEPTED, 1 },
  { "who does not ask", { .to = { ANT }, .trusted = true, .source = "LOCAL" }, REPLY_ACCEPTED, 0 },
  { "an unproven reverse-path", { .to = { ANT }, .report_success = true }, REPLY_ACCEPTED, 0 },
  { "an untrusted peer's word", { .to = { ANT }, .source = "LOCAL", .report_success = true }, REPLY_ACCEPTED, 0 },
  { "held", { .header_from = "mod@local.example", .to = { ANT }, LOCAL }, REPLY_HELD, 0 },
  { "refused", { .header_from = "eve@local.example", .to = { ANT }, LOCAL }, REPLY_REFUSED, 0 },
  { "discarded", { .header_from = "spam@local.example", .to = { ANT }, LOCAL }, REPLY_DISCARDED, 0 },
  { "an automatic answer", { .extra = "Auto-Submitted: auto-replied\r\n", .to = { ANT }, LOCAL }, REPLY_DISCARDED, 0 },
  { "a role address", { .to = { "ant-owner@example.com" }, LOCAL }, REPLY_TAKEN, 0 },
};

static const char *const local_domains[] = { "local.example", NULL };

static void
set_up(struct fixture *fixture)
{
  fixture_set_up(fixture);
  fixture->options.auth_local_domains = local_domains;
  fixture_list(fixture, ANT);
  fixture_list(fixture, "bee@example.com");
  fixture_member(fixture, ANT, MEMBER_MEMBER, "bea@local.example", NULL);
  fixture_member(fixture, ANT, MEMBER_MEMBER, "mod@local.example", "hold");
  fixture_member(fixture, ANT, MEMBER_MEMBER, "spam@local.example", "discard");
}

static int64_t
reports(struct fixture *fixture)
{
  return fixture_int(fixture, "SELECT count(*) FROM delivery d JOIN recipient r ON r.delivery_id = d.id JOIN posting p ON p.id = d.posting_id "
                              "WHERE d.reverse_path = '' AND d.list_id = 0 AND d.roster = 0 AND p.list_id = 0 AND r.member_id = 0");
}

static void
test_when(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct fixture fixture;
    set_up(&fixture);
    struct mail mail = rows[i].mail;
    mail.header_from = mail.header_from ? mail.header_from : "bea@local.example";
    g_test_message("%s", rows[i].name);
    g_assert_cmpint(fixture_answer(&fixture, &mail), ==, rows[i].want);
    g_assert_cmpint(reports(&fixture), ==, rows[i].reports);
    /* The MTA that asks again gets no second one. */
    fixture_answer(&fixture, &mail);
    g_assert_cmpint(reports(&fixture), ==, rows[i].reports);
    fixture_tear_down(&fixture);
  }
}

/* It goes to the reverse-path, whoever From names, and says what the envelope said. */
static enum res
read_report(struct tx *tx, void *arg, GError **error)
{
  int64_t id;
  enum res res = sql_int_of(tx, "SELECT p.message_id FROM posting p JOIN delivery d ON d.posting_id = p.id JOIN recipient r ON r.delivery_id = d.id "
                                "WHERE r.address = 'bounce@local.example'", SQL_NO_ARGS, &id, error);
  return res == RES_OK ? posting_octets(tx, id, arg, error) : res;
}

static void
test_where_to(void)
{
  struct fixture fixture;
  set_up(&fixture);
  const struct mail mail = { .from = "bounce@local.example", .header_from = "bea@local.example", .to = { ANT, "ant+x@example.com" }, LOCAL, .envelope_id = "q 1",
                             .original_recipient = "rfc822;old@example.com" };
  g_assert_cmpint(fixture_answer(&fixture, &mail), ==, REPLY_ACCEPTED);
  g_autoptr(GBytes) octets = NULL;
  g_assert_cmpint(store_read(fixture.store, read_report, &octets, NULL), ==, RES_OK);
  g_autofree char *text = slice_dup(slice_bytes(octets));
  static const char *const parts[] = {
    "To: <bounce@local.example>\r\n", "Original-Envelope-Id: q 1\r\n", "\r\nOriginal-Recipient: rfc822; old@example.com\r\nFinal-Recipient: rfc822; ant@example.com\r\n",
    "Final-Recipient: rfc822; ant+x@example.com\r\n", "\r\nMessage-ID: <1@example.org>\r\n", "Reporting-MTA: dns; lists.example.com\r\n",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
    if (!strstr(text, parts[i]))
      g_error("%s is not in %s", parts[i], text);
  g_assert_null(strstr(text, "hello\r\n\r\n"));
  fixture_tear_down(&fixture);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/success_report/whole", test_whole);
  g_test_add_func("/success_report/words", test_words);
  g_test_add_func("/success_report/bounds", test_bounds);
  g_test_add_func("/success_report/when", test_when);
  g_test_add_func("/success_report/where_to", test_where_to);
  return g_test_run();
}
