/* SMTP: what it does not have in common with LMTP (lmtp_session_test.c), and the one reply. */
#include "base/counter.h"
#include "base/log.h"
#include "door/dialogue_check.h"

#define HELLO "EHLO mta.example\r\n"
#define MAIL "MAIL FROM:<a@x.example>\r\n"
#define RCPT "RCPT TO:<list@y.example>\r\n"
#define TO(name) "RCPT TO:<" name "@y.example>\r\n"
#define MESSAGE "Subject: s\r\n\r\nbody\r\n"
#define OPENED "220|250|"
#define BEGUN OPENED "250 2.1.0|250 2.1.5|"
#define LOG_BEGUN "mail(a@x.example) rcpt(list@y.example) "
#define LOG_POSTED LOG_BEGUN "begin [Subject: s\\r\\n\\r\\nbody\\r\\n] end reset "

static const struct dialogue dialogues[] = {
  { .name = "a posting", .input = HELLO MAIL RCPT "DATA\r\n" MESSAGE ".\r\nQUIT\r\n", .want = BEGUN "354|250 2.6.0|221 2.0.0|", .log = LOG_POSTED },
  { .name = "after HELO", .input = "HELO x\r\n" MAIL RCPT "DATA\r\n" MESSAGE ".\r\n", .want = BEGUN "354|250 2.6.0|", .log = LOG_POSTED },
  { .name = "HELO after EHLO begins anew", .input = HELLO MAIL RCPT "HELO x\r\nDATA\r\n", .want = BEGUN "250|503 5.5.1|", .log = LOG_BEGUN "reset " },
  { .name = "MAIL before EHLO", .input = MAIL RCPT "XFORWARD NAME=x\r\n", .want = "220|503 5.5.1|503 5.5.1|503 5.5.1|" },
  { .name = "LHLO is another protocol", .input = "LHLO x\r\n" MAIL, .want = "220|500 5.5.2|503 5.5.1|" },
  { .name = "EHLO without a name", .input = "EHLO\r\nHELO\r\n", .want = "220|501 5.5.4|501 5.5.4|" },
  { .name = "one reply for two recipients", .input = HELLO MAIL RCPT TO("held-l") "DATA\r\n" MESSAGE ".\r\nNOOP\r\n",
    .want = BEGUN "250 2.1.5|354|250 2.6.0|250 2.0.0|", .log = LOG_BEGUN "rcpt(held-l@y.example) begin [Subject: s\\r\\n\\r\\nbody\\r\\n] end reset " },
  { .name = "both refused", .input = HELLO MAIL TO("reject-l") TO("reject-m") "DATA\r\n.\r\nNOOP\r\n", .want = BEGUN "250 2.1.5|354|550 5.7.1|250 2.0.0|",
    .log = "mail(a@x.example) rcpt(reject-l@y.example) rcpt(reject-m@y.example) begin [] end reset " },
  { .name = "trouble with one", .input = HELLO MAIL RCPT TO("late-l") "DATA\r\n.\r\nNOOP\r\n", .want = BEGUN "250 2.1.5|354|451 4.3.0|250 2.0.0|",
    .log = LOG_BEGUN "rcpt(late-l@y.example) begin [] end reset " },
  { .name = "no verdict for one", .input = HELLO MAIL RCPT TO("silent-l") "DATA\r\n.\r\nNOOP\r\n", .want = BEGUN "250 2.1.5|354|451 4.3.0|250 2.0.0|",
    .log = LOG_BEGUN "rcpt(silent-l@y.example) begin [] end reset " },
  { .name = "no room in the message", .input = HELLO MAIL RCPT RCPT "DATA\r\nOUT OF DISK\r\nmore\r\n.\r\nNOOP\r\n", .want = BEGUN "250 2.1.5|354|452 4.3.1|250 2.0.0|",
    .log = LOG_BEGUN "rcpt(list@y.example) begin drop reset " },
  { .name = "stopping", .input = HELLO MAIL RCPT RCPT "DATA\r\nSTOP NOW\r\n.\r\nNOOP\r\n", .want = BEGUN "250 2.1.5|354|451 4.3.2|421 4.3.2|",
    .log = LOG_BEGUN "rcpt(list@y.example) begin reset " },
  { .name = "chunks", .input = HELLO MAIL RCPT RCPT "BDAT 3\r\nSubBDAT 17 LAST\r\nject: s\r\n\r\nbody\r\nNOOP\r\n", .want = BEGUN "250 2.1.5|250 2.0.0|250 2.6.0|250 2.0.0|",
    .log = LOG_BEGUN "rcpt(list@y.example) begin [Subject: s\\r\\n\\r\\nbody\\r\\n] end reset " },
  { .name = "a failure in the last chunk", .input = HELLO MAIL RCPT RCPT "BDAT 11 LAST\r\nOUT OF DISKNOOP\r\n", .want = BEGUN "250 2.1.5|452 4.3.1|250 2.0.0|",
    .log = LOG_BEGUN "rcpt(list@y.example) begin drop reset " },
  { .name = "what a hook says as it is, to RCPT", .input = HELLO MAIL TO("literal-l") TO("no-literal-l") "RSET\r\n", .want = OPENED "250 2.1.0|251 2.1.5|551 5.7.1|250 2.0.0|",
    .log = "mail(a@x.example) rcpt(literal-l@y.example) rcpt(no-literal-l@y.example) reset " },
  { .name = "and after the dot", .input = HELLO MAIL TO("literal-l") RCPT "DATA\r\n.\r\nNOOP\r\n", .want = OPENED "250 2.1.0|251 2.1.5|250 2.1.5|354|556 5.6.1|250 2.0.0|",
    .log = "mail(a@x.example) rcpt(literal-l@y.example) rcpt(list@y.example) begin [] end reset " },
  { .name = "smtpd_proxy_filter",
    .input = "EHLO mta.example.org\r\n"
             "XFORWARD NAME=localhost ADDR=127.0.0.1 PORT=45254 HELO=client.outside.example IDENT=[UNAVAILABLE] PROTO=ESMTP SOURCE=LOCAL\r\n"
             "MAIL FROM:<alice@outside.example> SIZE=1000 BODY=8BITMIME RET=HDRS\r\nRCPT TO:<closed-l@list.example.org> NOTIFY=NEVER\r\n"
             "RCPT TO:<test@list.example.org> NOTIFY=NEVER\r\nDATA\r\n" MESSAGE ".\r\nQUIT\r\n",
    .want = OPENED "250 2.0.0|250 2.1.0|550 5.7.1|250 2.1.5|354|250 2.6.0|221 2.0.0|",
    .log = "mail(alice@outside.example size=1000 8bit hdrs source=LOCAL helo=client.outside.example) rcpt(closed-l@list.example.org) rcpt(test@list.example.org) "
           "begin [Subject: s\\r\\n\\r\\nbody\\r\\n] end dsn(1 -) reset " },
};

static void
test_dialogues(void)
{
  dialogue_check(PROTOCOL_SMTP, dialogues, G_N_ELEMENTS(dialogues));
}

static void
test_texts(void)
{
  g_autoptr(GString) got = dialogue_output(PROTOCOL_SMTP, "HELO a\r\n" HELLO MAIL RCPT TO("held-l") TO("literal-m") "RSET\r\n" MAIL RCPT TO("held-l") "DATA\r\n.\r\n"
                                           "LHLO a\r\nHELP\r\nQUIT\r\n", NULL);
  g_autofree char *hello = g_strndup(got->str, (gsize)(strstr(got->str, "250 2.1.0") - got->str));
  g_assert_true(g_str_has_prefix(hello, "220 lists.example ESMTP Listward\r\n250 lists.example\r\n250-lists.example\r\n"));
  static const char *const keywords[] = { "PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 1000", "ENHANCEDSTATUSCODES", "CHUNKING", "DSN", "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE" };
  for (size_t i = 0; i < G_N_ELEMENTS(keywords); i++) {
    g_autofree char *more = g_strdup_printf("250-%s\r\n", keywords[i]), *last = g_strdup_printf("250 %s\r\n", keywords[i]);
    g_assert_true(strstr(hello, more) || strstr(hello, last));
  }
  g_assert_cmpstr(strstr(got->str, "250 2.1.0"), ==,
                  "250 2.1.0 sender ok\r\n"
                  "250 2.1.5 recipient ok\r\n"
                  "250 2.1.5 recipient ok\r\n"
                  "251-2.1.5 taken\r\n251 2.1.5 by somebody else\r\n"
                  "250 2.0.0 ok\r\n"
                  "250 2.1.0 sender ok\r\n"
                  "250 2.1.5 recipient ok\r\n"
                  "250 2.1.5 recipient ok\r\n"
                  "354 send the message, end with a line holding only a dot\r\n"
                  "250 2.6.0 id accepted for list@y.example; id held for the moderators of held-l@y.example: the reason\r\n"
                  "500 5.5.2 unknown command: LHLO; this is SMTP, say EHLO\r\n"
                  "214 2.0.0 EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT XFORWARD\r\n"
                  "221 2.0.0 bye\r\n");
}

/* What a peer wrote is there for those who pass it on. */
static void
test_as_written(void)
{
  OWN(stub) stub = stub_new();
  struct memory_peer peer = { .input = slice_of("EHLO x\r\nMail From:<A@X.example> size=5 X-NEW=<>\r\nRcpt To: <\"written here\"@Y.example>  NOTIFY=NEVER  X-MORE\r\n") };
  dialogue_run(PROTOCOL_SMTP, stub, &peer);
  g_assert_cmpstr(stub->written->str, ==, "[A@X.example] [size=5 X-NEW=<>] [\"written here\"@Y.example] [NOTIFY=NEVER  X-MORE] ");
  g_string_free(peer.output, TRUE);
}

/* One message is counted once. */
static void
test_counted(void)
{
  int64_t refused = counter_read(COUNTER_REFUSED);
  g_autofree char *large = g_strnfill(1001, 'x'), *input = g_strconcat(HELLO MAIL RCPT RCPT "DATA\r\n", large, "\r\n.\r\n", NULL);
  g_string_free(dialogue_output(PROTOCOL_SMTP, input, NULL), TRUE);
  g_assert_cmpint(counter_read(COUNTER_REFUSED) - refused, ==, 1);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  g_test_add_func("/smtp-door/dialogues", test_dialogues);
  g_test_add_func("/smtp-door/texts", test_texts);
  g_test_add_func("/smtp-door/as-written", test_as_written);
  g_test_add_func("/smtp-door/counted", test_counted);
  return g_test_run();
}
