#include "smtp/smtp_client.h"
#include "base/clock.h"
#include "net/memory_peer.h"
#include <errno.h>

#define HELLO "220 mx.example ESMTP\r\n"
#define ALL "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n"
#define PIPELINING "250-mx.example\r\n250 PIPELINING\r\n"
#define PLAIN "250 mx.example\r\n"
#define OK "250 2.1.0 ok\r\n"
#define GO "354 go\r\n"
#define TAKEN "250 2.0.0 queued as 1\r\n"
#define MAIL "MAIL FROM:<ant-bounces@example.com>"
#define TEXT "Subject: x\r\n\r\nbody\r\n..dot\r\n.\r\n"

static const char *const usual[] = { "a@x.example", "b@x.example", "c@x.example", NULL };
static const char *const utf8[] = { "a@x.example", "\303\244@x.example", NULL };

static const struct {
  const char *name, *hello, *script;
  const char *wanted;  /* a letter for each recipient: Sent, Deferred, Failed, Bounced, Pending */
  const char *said;    /* after EHLO; NULL: not looked at */
  const char *reply_0; /* starts the reply of the first recipient */
  const char *const *recipients;
  const char *reverse_path;
  size_t max_recipients;
  enum res res;
  int read_errno;
  bool eight_bit, header_utf8, refused;
} rows[] = {
  { .name = "pipelined", .hello = ALL, .script = OK OK OK OK GO TAKEN, .wanted = "SSS", .reply_0 = "250 2.0.0 queued as 1",
    .said = MAIL " SIZE=26\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<c@x.example>\r\nDATA\r\n" TEXT },
  { .name = "nothing offered", .hello = PLAIN, .script = OK OK OK OK GO TAKEN, .wanted = "SSS",
    .said = MAIL "\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<c@x.example>\r\nDATA\r\n" TEXT },
  { .name = "one refused", .hello = ALL, .script = OK "550 5.1.1 no such user\r\n" OK OK GO TAKEN, .wanted = "BSS", .reply_0 = "550 5.1.1 no such user" },
  { .name = "one deferred", .hello = ALL, .script = OK OK "450 4.2.0 greylisted\r\n" OK GO TAKEN, .wanted = "SDS" },
  { .name = "multi-line refusal", .hello = PLAIN, .script = OK "550-5.1.1 no\r\n550 5.1.1 never\r\n" OK OK GO TAKEN, .wanted = "BSS", .reply_0 = "550 5.1.1 no never" },
  { .name = "all refused, DATA refused", .hello = PIPELINING, .script = OK "550 a\r\n550 b\r\n550 c\r\n554 no valid recipients\r\n", .wanted = "BBB",
    .said = MAIL "\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<c@x.example>\r\nDATA\r\n" },
  { .name = "all refused, DATA goes on", .hello = PIPELINING, .script = OK "550 a\r\n450 b\r\n550 c\r\n" GO "554 empty\r\n", .wanted = "BDB",
    .said = MAIL "\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<c@x.example>\r\nDATA\r\n.\r\n" },
  { .name = "all refused, not pipelined", .hello = PLAIN, .script = OK "550 a\r\n550 b\r\n550 c\r\n", .wanted = "BBB",
    .said = MAIL "\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<c@x.example>\r\n" },
  { .name = "too many recipients", .hello = PIPELINING,
    .script = OK OK "452 4.5.3 too many\r\n452 4.5.3 too many\r\n" GO TAKEN OK OK GO "250 queued as 2\r\n" OK OK GO "250 queued as 3\r\n", .wanted = "SSS",
    .said = MAIL "\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<c@x.example>\r\nDATA\r\n" TEXT
            MAIL "\r\nRCPT TO:<b@x.example>\r\nDATA\r\n" TEXT MAIL "\r\nRCPT TO:<c@x.example>\r\nDATA\r\n" TEXT },
  { .name = "too many, old way", .hello = PIPELINING, .script = OK OK OK "452 too many\r\n" GO TAKEN OK OK GO TAKEN, .wanted = "SSS" },
  { .name = "too many at the first", .hello = PIPELINING, .script = OK "452 4.5.3 too many\r\n452 4.5.3 too many\r\n452 4.5.3 too many\r\n" "503 no\r\n", .wanted = "DDD" },
  { .name = "452 for a full mailbox", .hello = PIPELINING, .script = OK OK "452 4.2.2 full\r\n" OK GO TAKEN, .wanted = "SDS" },
  { .name = "two a transaction", .hello = PLAIN, .max_recipients = 2, .script = OK OK OK GO TAKEN OK OK GO TAKEN, .wanted = "SSS" },
  { .name = "MAIL deferred", .hello = PIPELINING, .script = "451 4.3.0 later\r\n503 mail?\r\n503 mail?\r\n503 mail?\r\n503 mail?\r\n", .wanted = "DDD",
    .reply_0 = "451 4.3.0 later" },
  { .name = "MAIL refused", .hello = PIPELINING, .script = "550 5.7.1 no\r\n503 mail?\r\n503 mail?\r\n503 mail?\r\n503 mail?\r\n", .wanted = "FFF", .refused = true },
  { .name = "MAIL refused, the rest taken all the same", .hello = PIPELINING, .script = "550 no\r\n" OK OK OK GO "250 empty\r\n", .wanted = "FFF", .refused = true,
    .said = MAIL "\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<c@x.example>\r\nDATA\r\n.\r\n" },
  { .name = "MAIL refused for all transactions", .hello = PLAIN, .max_recipients = 1, .script = "550 5.7.1 no\r\n", .wanted = "FFF", .refused = true, .said = MAIL "\r\n" },
  { .name = "RCPT wants a login", .hello = PLAIN, .script = OK "530 5.7.0 log in\r\n" OK OK GO TAKEN, .wanted = "FSS" },
  { .name = "DATA deferred", .hello = PIPELINING, .script = OK OK "550 b\r\n" OK "451 later\r\n", .wanted = "DBD" },
  { .name = "DATA refused", .hello = PIPELINING, .script = OK OK "550 b\r\n" OK "554 no\r\n", .wanted = "FBF", .refused = true },
  { .name = "message deferred", .hello = PIPELINING, .script = OK OK OK OK GO "451 4.3.0 later\r\n", .wanted = "DDD" },
  { .name = "message refused", .hello = PIPELINING, .script = OK OK OK OK GO "554 5.7.1 spam\r\n", .wanted = "FFF", .refused = true, .reply_0 = "554 5.7.1 spam" },
  { .name = "message too large after all", .hello = PIPELINING, .script = OK OK OK OK GO "552 5.3.4 large\r\n", .wanted = "FFF", .refused = true },
  { .name = "421 at MAIL", .hello = PIPELINING, .script = "421 4.3.2 bye\r\n", .wanted = "PPP", .res = RES_TEMP },
  { .name = "421 at RCPT", .hello = PIPELINING, .script = OK "550 a\r\n" OK "421 4.7.0 too many errors\r\n", .wanted = "BPP", .res = RES_TEMP },
  { .name = "421 at DATA", .hello = PIPELINING, .script = OK OK OK OK "421 bye\r\n", .wanted = "PPP", .res = RES_TEMP },
  { .name = "421 after the dot", .hello = PIPELINING, .script = OK OK OK OK GO "421 4.3.2 bye\r\n", .wanted = "DDD", .reply_0 = "421 4.3.2 bye" },
  { .name = "lost at once", .hello = PIPELINING, .script = "", .wanted = "PPP", .res = RES_TEMP, .read_errno = ECONNRESET },
  { .name = "lost among the recipients", .hello = PIPELINING, .script = OK OK "450 b\r\n", .wanted = "PDP", .res = RES_TEMP },
  { .name = "lost after the dot", .hello = PIPELINING, .script = OK OK OK OK GO, .wanted = "DDD", .reply_0 = "no reply to the message (the server closed the connection): it may" },
  { .name = "too slow after the dot", .hello = PIPELINING, .script = OK OK OK OK GO, .wanted = "DDD", .read_errno = ETIMEDOUT, .reply_0 = "no reply to the message" },
  { .name = "lost after the dot of the first of two", .hello = PLAIN, .max_recipients = 2, .script = OK OK OK GO, .wanted = "DDP", .res = RES_TEMP },
  { .name = "no SMTP", .hello = PIPELINING, .script = OK "what?\r\n", .wanted = "PPP", .res = RES_TEMP },
  { .name = "a bare LF", .hello = PIPELINING, .script = OK "250 ok\n", .wanted = "PPP", .res = RES_TEMP },
  { .name = "a strange code for DATA", .hello = PLAIN, .script = OK OK OK OK "250 ok\r\n", .wanted = "DDD" },
  { .name = "8 bit", .hello = ALL, .eight_bit = true, .script = OK OK OK OK GO TAKEN, .wanted = "SSS",
    .said = MAIL " SIZE=26 BODY=8BITMIME\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<c@x.example>\r\nDATA\r\n" TEXT },
  { .name = "8 bit, not offered", .hello = PIPELINING, .eight_bit = true, .script = "", .wanted = "FFF", .refused = true, .said = "", .reply_0 = "550 5.6.3 conversion" },
  { .name = "UTF-8 header", .hello = ALL, .eight_bit = true, .header_utf8 = true, .script = OK OK OK OK GO TAKEN, .wanted = "SSS",
    .said = MAIL " SIZE=26 BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<c@x.example>\r\nDATA\r\n" TEXT },
  { .name = "UTF-8 header, not offered", .hello = PIPELINING, .eight_bit = true, .header_utf8 = true, .script = "", .wanted = "FFF", .refused = true, .said = "",
    .reply_0 = "550 5.6.7" },
  { .name = "UTF-8 recipient", .hello = ALL, .recipients = utf8, .script = OK OK GO TAKEN OK OK GO TAKEN, .wanted = "SS",
    .said = MAIL " SIZE=26\r\nRCPT TO:<a@x.example>\r\nDATA\r\n" TEXT MAIL " SIZE=26 BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<\303\244@x.example>\r\nDATA\r\n" TEXT },
  { .name = "UTF-8 recipient, not offered", .hello = PIPELINING, .recipients = utf8, .script = OK OK GO TAKEN, .wanted = "SF",
    .said = MAIL "\r\nRCPT TO:<a@x.example>\r\nDATA\r\n" TEXT },
  { .name = "UTF-8 sender, not offered", .hello = PIPELINING, .reverse_path = "\303\244@example.com", .script = "", .wanted = "FFF", .refused = true },
  { .name = "null sender", .hello = PLAIN, .reverse_path = "", .script = OK OK OK OK GO TAKEN, .wanted = "SSS",
    .said = "MAIL FROM:<>\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<c@x.example>\r\nDATA\r\n" TEXT },
  { .name = "too large", .hello = "250-mx.example\r\n250 SIZE 25\r\n", .script = "", .wanted = "FFF", .refused = true, .said = "", .reply_0 = "552 5.3.4" },
  { .name = "just fits", .hello = "250-mx.example\r\n250 size 26\r\n", .script = OK OK OK OK GO TAKEN, .wanted = "SSS" },
  { .name = "HELO", .hello = "502 what?\r\n250 mx.example\r\n", .script = OK OK OK OK GO TAKEN, .wanted = "SSS",
    .said = MAIL "\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<c@x.example>\r\nDATA\r\n" TEXT },
};

static struct smtp_client *
open_client(struct memory_peer *peer, size_t max_recipients, enum res wanted)
{
  OWN(smtp_client) client = smtp_client_new(memory_peer_stream(peer), &(struct smtp_client_options){ .hostname = "lists.example.com", .name = "sink 1", .max_recipients = max_recipients });
  g_autoptr(GError) error = NULL;
  enum res res = smtp_client_hello(client, &error);
  g_assert_cmpint(res, ==, wanted);
  g_assert_true((res == RES_OK) == (error == NULL));
  return res == RES_OK ? OWN_GIVE(client) : NULL;
}

static char
letter(enum outcome outcome)
{
  return "PSDFBK"[outcome];
}

/* What was said after EHLO and HELO. */
static const char *
after_hello(const GString *output)
{
  const char *said = output->str;
  while (g_str_has_prefix(said, "EHLO ") || g_str_has_prefix(said, "HELO "))
    said = strchr(said, '\n') + 1;
  return said;
}

static void
check_row(size_t row, size_t piece, size_t split)
{
  g_autofree char *input = g_strconcat(HELLO, rows[row].hello, rows[row].script, NULL);
  struct memory_peer peer = { .input = slice_of(input), .piece = piece, .split = split, .read_errno = rows[row].read_errno };
  OWN(smtp_client) client = open_client(&peer, rows[row].max_recipients ? rows[row].max_recipients : 100, RES_OK);
  struct transmission mail;
  const char *const *addresses = rows[row].recipients ? rows[row].recipients : usual;
  transmission_init(&mail, SHAPE_BATCH, strlen(rows[row].wanted));
  for (size_t i = 0; i < mail.n; i++)
    mail.recipients[i].address = addresses[i];
  mail.reverse_path = rows[row].reverse_path ? rows[row].reverse_path : "ant-bounces@example.com";
  const struct copy_form form = {
    .header = SLICE("Subject: x\r\n\r\n"), .body = SLICE("body\r\n.dot\r\n"), .eight_bit = rows[row].eight_bit, .header_utf8 = rows[row].header_utf8,
  };
  mail.as_is = &form;

  g_autoptr(GError) error = NULL;
  enum res res = smtp_client_send(client, &mail, &error);
  if (res != RES_OK)
    g_assert_nonnull(error);
  char got[8] = "";
  for (size_t i = 0; i < mail.n; i++)
    got[i] = letter(mail.recipients[i].outcome);
  g_assert_cmpstr(got, ==, rows[row].wanted);
  if (transmission_pending(&mail) > 0)
    g_assert_cmpint(res, ==, rows[row].res);
  g_assert_cmpint(mail.refused >= 0, ==, rows[row].refused);
  if (rows[row].said && piece == 1) /* else replies lie here before the command was flushed */
    g_assert_cmpstr(after_hello(peer.output), ==, rows[row].said);
  if (rows[row].reply_0 && !g_str_has_prefix(transmission_text_of(&mail, 0), rows[row].reply_0))
    g_error("%s: the reply is %s", rows[row].name, transmission_text_of(&mail, 0));
  transmission_clear(&mail);
  smtp_client_free(OWN_GIVE(client));
  g_assert_true(peer.closed);
  g_string_free(peer.output, TRUE);
}

static void
test_row(gconstpointer data)
{
  size_t row = GPOINTER_TO_SIZE(data);
  size_t length = strlen(HELLO) + strlen(rows[row].hello) + strlen(rows[row].script);
  g_test_message("%s", rows[row].name);
  check_row(row, 0, 0);
  check_row(row, 1, 0);
  for (size_t split = 1; split < length; split++)
    check_row(row, 0, split);
}

/* --- greetings --- */

static const struct {
  const char *name, *input, *said;
  enum res res;
} greetings[] = {
  { .name = "ESMTP", .input = HELLO ALL, .said = "EHLO lists.example.com\r\n", .res = RES_OK },
  { .name = "several lines", .input = "220-mx\r\n220 mx\r\n" ALL, .said = "EHLO lists.example.com\r\n", .res = RES_OK },
  { .name = "HELO", .input = HELLO "500 what?\r\n250 mx\r\n", .said = "EHLO lists.example.com\r\nHELO lists.example.com\r\n", .res = RES_OK },
  { .name = "neither", .input = HELLO "500 what?\r\n500 what?\r\n", .said = "EHLO lists.example.com\r\nHELO lists.example.com\r\n", .res = RES_BAD },
  { .name = "busy", .input = "421 4.3.2 busy\r\n", .said = "", .res = RES_TEMP },
  { .name = "refused", .input = "554 5.7.1 not you\r\n", .said = "", .res = RES_BAD },
  { .name = "EHLO deferred", .input = HELLO "421 later\r\n", .said = "EHLO lists.example.com\r\n", .res = RES_TEMP },
  { .name = "closed", .input = "", .said = "", .res = RES_TEMP },
  { .name = "closed after the greeting", .input = HELLO, .said = "EHLO lists.example.com\r\n", .res = RES_TEMP },
  { .name = "closed in a line", .input = "220 m", .said = "", .res = RES_TEMP },
  { .name = "no SMTP", .input = "SSH-2.0-x\r\n", .said = "", .res = RES_BAD },
};

static void
test_greeting(gconstpointer data)
{
  size_t row = GPOINTER_TO_SIZE(data);
  g_test_message("%s", greetings[row].name);
  struct memory_peer peer = { .input = slice_of(greetings[row].input), .piece = 1 };
  OWN(smtp_client) client = open_client(&peer, 100, greetings[row].res);
  g_assert_cmpstr(peer.output->str, ==, greetings[row].said);
  smtp_client_free(OWN_GIVE(client));
  g_assert_true(peer.closed);
  g_string_free(peer.output, TRUE);
}

/* --- more than one group, more than one message --- */

static const struct copy_form empty;

/* 250 recipients: no more than SMTP_REPLIES_MAX commands, and one, are ever unanswered. */
static void
test_flights(void)
{
  g_autoptr(GString) input = g_string_new(HELLO PIPELINING OK);
  for (int i = 0; i < 250; i++)
    g_string_append(input, i % 100 == 7 ? "550 5.1.1 no\r\n" : OK);
  g_string_append(input, GO TAKEN);
  struct memory_peer peer = { .input = { input->str, input->len }, .piece = 1 };
  OWN(smtp_client) client = open_client(&peer, 1000, RES_OK);
  struct transmission mail;
  transmission_init(&mail, SHAPE_BATCH, 250);
  for (size_t i = 0; i < mail.n; i++)
    mail.recipients[i].address = "a@x.example";
  mail.as_is = &empty;
  int writes = peer.writes;
  g_assert_cmpint(smtp_client_send(client, &mail, NULL), ==, RES_OK);
  g_assert_cmpint(peer.writes - writes, >=, 4); /* the envelope in three, and the message */
  for (size_t i = 0; i < mail.n; i++)
    g_assert_cmpint(mail.recipients[i].outcome, ==, i % 100 == 7 ? OUTCOME_BOUNCED : OUTCOME_SENT);
  g_assert_nonnull(strstr(peer.output->str, "DATA\r\n"));
  transmission_clear(&mail);
  smtp_client_free(OWN_GIVE(client));
  g_string_free(peer.output, TRUE);
}

/* MAIL refused while RCPTs are still to be sent: they are not. And nothing more is sent over a connection on which so much was refused. */
static void
test_flights_mail_refused(void)
{
  g_autoptr(GString) input = g_string_new(HELLO PIPELINING "550 no\r\n");
  for (int i = 0; i < 101; i++)
    g_string_append(input, "503 mail?\r\n");
  struct memory_peer peer = { .input = { input->str, input->len }, .piece = 1 };
  OWN(smtp_client) client = open_client(&peer, 1000, RES_OK);
  struct transmission mail;
  transmission_init(&mail, SHAPE_BATCH, 250);
  for (size_t i = 0; i < mail.n; i++)
    mail.recipients[i].address = "a@x.example";
  mail.as_is = &empty;
  g_assert_cmpint(smtp_client_send(client, &mail, NULL), ==, RES_OK);
  g_assert_cmpint(mail.recipients[249].outcome, ==, OUTCOME_FAILED);
  g_assert_null(strstr(peer.output->str, "DATA"));
  transmission_clear(&mail);
  g_string_truncate(peer.output, 0);
  transmission_init(&mail, SHAPE_BATCH, 1);
  mail.recipients[0].address = "a@x.example";
  mail.as_is = &empty;
  g_assert_true(smtp_client_worn(client));
  g_assert_cmpint(smtp_client_send(client, &mail, NULL), ==, RES_MORE);
  g_assert_cmpstr(peer.output->str, ==, "");
  transmission_clear(&mail);
  smtp_client_free(OWN_GIVE(client));
  g_string_free(peer.output, TRUE);
}

static void
test_quit(void)
{
  struct memory_peer peer = { .input = SLICE(HELLO ALL "221 bye\r\n"), .piece = 1 };
  struct smtp_client *client = open_client(&peer, 1, RES_OK);
  smtp_client_quit(client, clock_monotonic() + CLOCK_SECOND);
  g_assert_cmpstr(peer.output->str, ==, "EHLO lists.example.com\r\nQUIT\r\n");
  g_assert_true(peer.closed);
  g_string_free(peer.output, TRUE);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strdup_printf("/smtp_client/send/%s", rows[i].name);
    g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_row);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(greetings); i++) {
    g_autofree char *path = g_strdup_printf("/smtp_client/greeting/%s", greetings[i].name);
    g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_greeting);
  }
  g_test_add_func("/smtp_client/flights", test_flights);
  g_test_add_func("/smtp_client/flights, MAIL refused", test_flights_mail_refused);
  g_test_add_func("/smtp_client/quit", test_quit);
  return g_test_run();
}
