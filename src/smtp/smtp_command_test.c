#include "smtp/smtp_command.h"

#define A100 "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
#define DSN_RCPT " NOTIFY=FAILURE,DELAY"

static const struct {
  const char *name, *mail, *rcpt;
  struct ehlo ehlo;
  const char *sender;  /* NULL: ant@example.com */
  const char *address; /* NULL: a@x.example */
  const char *original, *envelope_id;
  enum shape shape;
  bool eight_bit, header_utf8;
} rows[] = {
  { .name = "nothing offered", .mail = "MAIL FROM:<ant@example.com>", .rcpt = "RCPT TO:<a@x.example>", .envelope_id = "p1", .eight_bit = true },
  { .name = "size", .ehlo = { .size = true }, .mail = "MAIL FROM:<ant@example.com> SIZE=6" },
  { .name = "8 bit", .ehlo = { .eight_bit = true }, .eight_bit = true, .mail = "MAIL FROM:<ant@example.com> BODY=8BITMIME" },
  { .name = "8 bit not needed", .ehlo = { .eight_bit = true }, .mail = "MAIL FROM:<ant@example.com>" },
  { .name = "UTF-8 header", .ehlo = { .eight_bit = true, .smtputf8 = true }, .header_utf8 = true, .mail = "MAIL FROM:<ant@example.com> BODY=8BITMIME SMTPUTF8" },
  { .name = "UTF-8 sender", .ehlo = { .smtputf8 = true }, .sender = "\303\244@x", .mail = "MAIL FROM:<\303\244@x> SMTPUTF8" },
  { .name = "UTF-8 recipient", .ehlo = { .smtputf8 = true }, .address = "\303\244@x", .mail = "MAIL FROM:<ant@example.com> SMTPUTF8", .rcpt = "RCPT TO:<\303\244@x>" },
  { .name = "DSN", .ehlo = { .dsn = true }, .envelope_id = "abc123", .mail = "MAIL FROM:<ant@example.com> RET=HDRS ENVID=abc123",
    .rcpt = "RCPT TO:<a@x.example>" DSN_RCPT " ORCPT=rfc822;a@x.example" },
  { .name = "DSN, no id", .ehlo = { .dsn = true }, .mail = "MAIL FROM:<ant@example.com> RET=HDRS" },
  { .name = "DSN, empty id", .ehlo = { .dsn = true }, .envelope_id = "", .mail = "MAIL FROM:<ant@example.com> RET=HDRS" },
  { .name = "DSN, xtext in the id", .ehlo = { .dsn = true }, .envelope_id = "a+b=c d\303\244", .mail = "MAIL FROM:<ant@example.com> RET=HDRS ENVID=a+2Bb+3Dc+20d+C3+A4" },
  { .name = "DSN, the longest id", .ehlo = { .dsn = true }, .envelope_id = A100, .mail = "MAIL FROM:<ant@example.com> RET=HDRS ENVID=" A100 },
  { .name = "DSN, id too long", .ehlo = { .dsn = true }, .envelope_id = A100 "x", .mail = "MAIL FROM:<ant@example.com> RET=HDRS" },
  { .name = "DSN, original", .ehlo = { .dsn = true }, .original = "A+b@X.example", .rcpt = "RCPT TO:<a@x.example>" DSN_RCPT " ORCPT=rfc822;A+2Bb@X.example" },
  { .name = "DSN, quoted local part", .ehlo = { .dsn = true }, .address = "\"a b\"@x", .rcpt = "RCPT TO:<\"a b\"@x>" DSN_RCPT " ORCPT=rfc822;\"a+20b\"@x" },
  { .name = "DSN, UTF-8 original", .ehlo = { .dsn = true }, .original = "\303\244+\\@\360\237\220\234.example",
    .rcpt = "RCPT TO:<a@x.example>" DSN_RCPT " ORCPT=utf-8;\\x{E4}\\x{2B}\\x{5C}@\\x{1F41C}.example" },
  { .name = "DSN, no UTF-8 at all", .ehlo = { .dsn = true }, .original = "\344@x", .rcpt = "RCPT TO:<a@x.example>" DSN_RCPT },
  { .name = "DSN, original as long as it may be", .ehlo = { .dsn = true }, .original = A100 A100 A100 A100 "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890@x",
    .rcpt = "RCPT TO:<a@x.example>" DSN_RCPT " ORCPT=rfc822;" A100 A100 A100 A100 "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890@x" },
  { .name = "DSN, original too long", .ehlo = { .dsn = true }, .original = A100 A100 A100 A100 A100 "@x", .rcpt = "RCPT TO:<a@x.example>" DSN_RCPT },
  { .name = "DSN, null sender", .ehlo = { .dsn = true }, .sender = "", .envelope_id = "p", .mail = "MAIL FROM:<> RET=HDRS ENVID=p", .rcpt = "RCPT TO:<a@x.example> NOTIFY=NEVER" },
  { .name = "XVERP", .ehlo = { .xverp = true }, .mail = "MAIL FROM:<ant@example.com> XVERP=+=" },
  { .name = "XVERP, null sender", .ehlo = { .xverp = true }, .sender = "", .mail = "MAIL FROM:<>" },
  { .name = "XVERP, personal", .ehlo = { .xverp = true }, .shape = SHAPE_PERSONAL, .mail = "MAIL FROM:<ant@example.com>" },
  { .name = "all", .ehlo = { .size = true, .eight_bit = true, .smtputf8 = true, .dsn = true, .xverp = true }, .header_utf8 = true, .envelope_id = "p",
    .mail = "MAIL FROM:<ant@example.com> SIZE=6 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=p XVERP=+=" },
};

static void
check_line(const char *name, const GString *line, const char *wanted)
{
  g_autofree char *whole = g_strconcat(wanted ? wanted : "", "\r\n", NULL);
  if (wanted && strcmp(line->str, whole) != 0)
    g_error("%s: %s", name, line->str);
}

static void
test_lines(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    const struct copy_form form = { .header = SLICE("A: b\r\n"), .eight_bit = rows[i].eight_bit || rows[i].header_utf8, .header_utf8 = rows[i].header_utf8 };
    struct smtp_peer peer = { .max_recipients = 1 };
    struct transmission mail;
    const char *sender = rows[i].sender ? rows[i].sender : "ant@example.com";
    g_autoptr(GString) line = g_string_new(NULL);
    transmission_init(&mail, rows[i].shape, 1);
    mail.envelope_id = rows[i].envelope_id;
    mail.reverse_path = rows[i].shape == SHAPE_BATCH ? sender : "";
    mail.recipients[0].reverse_path = rows[i].shape == SHAPE_BATCH ? NULL : sender;
    mail.recipients[0].address = rows[i].address ? rows[i].address : "a@x.example";
    mail.recipients[0].original = rows[i].original;
    OWN(smtp_transaction) t = smtp_transaction_next(&peer, &mail, &form);
    smtp_command_mail(t, &rows[i].ehlo, line);
    check_line(rows[i].name, line, rows[i].mail);
    smtp_command_rcpt(t, &rows[i].ehlo, 0, line);
    check_line(rows[i].name, line, rows[i].rcpt);
    transmission_clear(&mail);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/smtp_command/lines", test_lines);
  return g_test_run();
}
