/* The server's replies come one octet a read, so that none is there before its command. */
#include "smtp/smtp_relay.h"
#include "base/clock.h"
#include "net/memory_peer.h"
#include <errno.h>

#define HELLO "220 mx.example ESMTP\r\n"
#define OFFERS "250-mx.example\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250-xforward NAME ADDR HELO\r\n250 PIPELINING\r\n"
#define NOTHING "250 mx.example\r\n"
#define EHLO "EHLO lists.example.com\r\n"
#define OK "250 2.0.0 ok\r\n"
#define GO "354 go\r\n"
#define DIALOGUE "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n"

static const struct row {
  const char *name;
  const char *replies;   /* after the greeting */
  const char *said;      /* after EHLO; NULL: not looked at */
  const char *reply;     /* to be passed back, at the end; NULL: "" */
  const char *xforward;  /* NAME's value */
  const char *mail, *rcpt; /* parameters; `rcpt` NULL: no RCPT */
  const char *message;   /* NULL: no DATA */
  enum res res;
  enum reply code;
} rows[] = {
  { .name = "all of it", .replies = OFFERS OK "250 2.1.5 b is fine\r\n" GO "250 2.0.0 queued as 7\r\n", .mail = "", .rcpt = "", .message = "S: s\r\n\r\n.x\r\n",
    .said = DIALOGUE "DATA\r\nS: s\r\n\r\n..x\r\n.\r\nQUIT\r\n", .reply = "250 2.0.0 queued as 7\r\n" },
  { .name = "an empty message", .replies = OFFERS OK OK GO OK, .mail = "", .rcpt = "", .message = "", .said = DIALOGUE "DATA\r\n.\r\nQUIT\r\n", .reply = OK },
  { .name = "a last line without an end", .replies = OFFERS OK OK GO OK, .mail = "", .rcpt = "", .message = "x", .said = DIALOGUE "DATA\r\nx\r\n.\r\nQUIT\r\n", .reply = OK },
  { .name = "parameters", .replies = OFFERS OK OK, .mail = "SIZE=10 BODY=8BITMIME smtputf8 RET=HDRS ENVID=x", .rcpt = "NOTIFY=NEVER ORCPT=rfc822;b@y",
    .said = "MAIL FROM:<a@x> SIZE=10 BODY=8BITMIME smtputf8 RET=HDRS ENVID=x\r\nRCPT TO:<b@y> NOTIFY=NEVER ORCPT=rfc822;b@y\r\nQUIT\r\n", .reply = OK },
  { .name = "unknown parameters stay here", .replies = OFFERS OK OK, .mail = "AUTH=<> SIZE=1 X", .rcpt = "X=1", .said = "MAIL FROM:<a@x> SIZE=1\r\nRCPT TO:<b@y>\r\nQUIT\r\n", .reply = OK },
  { .name = "what is not offered stays here", .replies = NOTHING OK OK, .mail = "SIZE=1 BODY=8BITMIME RET=FULL", .rcpt = "NOTIFY=NEVER", .said = DIALOGUE "QUIT\r\n", .reply = OK },
  { .name = "but for SMTPUTF8", .replies = NOTHING, .mail = "SMTPUTF8", .said = "QUIT\r\n", .res = RES_BAD, .code = REPLY_NO_SMTPUTF8 },
  { .name = "HELO", .replies = "502 what?\r\n250 mx\r\n" OK OK, .mail = "SIZE=1", .rcpt = "", .said = "HELO lists.example.com\r\n" DIALOGUE "QUIT\r\n", .reply = OK },
  { .name = "XFORWARD", .replies = OFFERS OK OK, .xforward = "a b+=\xc3\xa4", .mail = "", .said = "XFORWARD NAME=a+20b+2B+3D+C3+A4 ADDR=192.0.2.1\r\nMAIL FROM:<a@x>\r\nQUIT\r\n", .reply = OK },
  { .name = "XFORWARD refused", .replies = OFFERS "501 no\r\n" OK, .xforward = "n", .mail = "", .said = "XFORWARD NAME=n ADDR=192.0.2.1\r\nMAIL FROM:<a@x>\r\nQUIT\r\n", .reply = OK },
  { .name = "XFORWARD not offered", .replies = NOTHING OK, .xforward = "n", .mail = "", .said = "MAIL FROM:<a@x>\r\nQUIT\r\n", .reply = OK },

  { .name = "MAIL refused", .replies = OFFERS "550-5.7.1 not\r\n550 5.7.1 you\r\n", .mail = "", .said = "MAIL FROM:<a@x>\r\nQUIT\r\n", .reply = "550-5.7.1 not\r\n550 5.7.1 you\r\n",
    .res = RES_BAD, .code = REPLY_REFUSED },
  { .name = "RCPT refused for now", .replies = OFFERS OK "450 4.2.1 later\r\n", .mail = "", .rcpt = "", .said = DIALOGUE "QUIT\r\n", .reply = "450 4.2.1 later\r\n", .res = RES_TEMP,
    .code = REPLY_NEXT_HOP_TROUBLE },
  { .name = "DATA refused", .replies = OFFERS OK OK "554 no\r\n", .mail = "", .rcpt = "", .message = "x\r\n", .said = DIALOGUE "DATA\r\nQUIT\r\n", .reply = "554 no\r\n", .res = RES_BAD,
    .code = REPLY_REFUSED },
  { .name = "message refused", .replies = OFFERS OK OK GO "554 5.6.0 no\r\n", .mail = "", .rcpt = "", .message = "x\r\n", .said = DIALOGUE "DATA\r\nx\r\n.\r\nQUIT\r\n",
    .reply = "554 5.6.0 no\r\n", .res = RES_BAD, .code = REPLY_REFUSED },

  { .name = "greeting refused", .replies = NULL, .mail = "", .res = RES_TEMP, .code = REPLY_NEXT_HOP_TROUBLE },
  { .name = "EHLO for later", .replies = "450 later\r\n", .mail = "", .said = "", .res = RES_TEMP, .code = REPLY_NEXT_HOP_TROUBLE },
  { .name = "EHLO and HELO refused", .replies = "550 no\r\n550 no\r\n", .mail = "", .said = "HELO lists.example.com\r\n", .res = RES_TEMP, .code = REPLY_NEXT_HOP_TROUBLE },
  { .name = "421 to MAIL", .replies = OFFERS "421 4.3.2 bye\r\n", .mail = "", .said = "MAIL FROM:<a@x>\r\n", .res = RES_TEMP, .code = REPLY_NEXT_HOP_TROUBLE },
  { .name = "421 after the dot", .replies = OFFERS OK OK GO "421 bye\r\n", .mail = "", .rcpt = "", .message = "", .said = DIALOGUE "DATA\r\n.\r\n", .res = RES_TEMP,
    .code = REPLY_NEXT_HOP_TROUBLE },
  { .name = "354 to MAIL", .replies = OFFERS GO, .mail = "", .said = "MAIL FROM:<a@x>\r\n", .res = RES_TEMP, .code = REPLY_NEXT_HOP_TROUBLE },
  { .name = "250 to DATA", .replies = OFFERS OK OK OK, .mail = "", .rcpt = "", .message = "x\r\n", .said = DIALOGUE "DATA\r\n", .res = RES_TEMP, .code = REPLY_NEXT_HOP_TROUBLE },
  { .name = "354 after the dot", .replies = OFFERS OK OK GO GO, .mail = "", .rcpt = "", .message = "", .said = DIALOGUE "DATA\r\n.\r\n", .res = RES_TEMP, .code = REPLY_NEXT_HOP_TROUBLE },
  { .name = "garbage", .replies = OFFERS "GET / HTTP/1.1\r\n", .mail = "", .said = "MAIL FROM:<a@x>\r\n", .res = RES_TEMP, .code = REPLY_NEXT_HOP_TROUBLE },
  { .name = "two codes in one reply", .replies = OFFERS "250-a\r\n550 b\r\n", .mail = "", .said = "MAIL FROM:<a@x>\r\n", .res = RES_TEMP, .code = REPLY_NEXT_HOP_TROUBLE },
  { .name = "bare LF", .replies = OFFERS "250 ok\n", .mail = "", .said = "MAIL FROM:<a@x>\r\n", .res = RES_TEMP, .code = REPLY_NEXT_HOP_TROUBLE },
  { .name = "closes in a reply", .replies = OFFERS "250-o", .mail = "", .said = "MAIL FROM:<a@x>\r\n", .res = RES_TEMP, .code = REPLY_NEXT_HOP_TROUBLE },
  { .name = "closes before the dot's reply", .replies = OFFERS OK OK GO, .mail = "", .rcpt = "", .message = "", .said = DIALOGUE "DATA\r\n.\r\n", .res = RES_TEMP,
    .code = REPLY_NEXT_HOP_TROUBLE },
};

static enum res
run(struct smtp_relay *relay, const struct row *row, GError **error)
{
  const struct smtp_attribute attributes[] = { { "NAME", row->xforward }, { "ADDR", "192.0.2.1" }, { "PORT", "1" }, { "HELO", NULL } };
  enum res res = smtp_relay_hello(relay, error);
  if (res == RES_OK && row->xforward)
    res = smtp_relay_xforward(relay, attributes, G_N_ELEMENTS(attributes), error);
  if (res == RES_OK)
    res = smtp_relay_mail(relay, SLICE("a@x"), slice_of(row->mail), error);
  if (res == RES_OK && row->rcpt)
    res = smtp_relay_rcpt(relay, SLICE("b@y"), slice_of(row->rcpt), error);
  if (res == RES_OK && row->message)
    res = smtp_relay_data(relay, error);
  for (size_t i = 0; res == RES_OK && row->message && row->message[i]; i++)
    res = smtp_relay_octets(relay, (struct slice){ row->message + i, 1 }, error);
  return res == RES_OK && row->message ? smtp_relay_end(relay, error) : res;
}

static const struct smtp_relay_options options = { .hostname = "lists.example.com", .reply_timeout = CLOCK_MINUTE, .taken_timeout = CLOCK_MINUTE };

static void
check(const struct row *row, int read_errno)
{
  g_autofree char *replies = g_strconcat(row->replies ? HELLO : "554 no\r\n", row->replies, NULL);
  g_autofree char *said = row->said ? g_strconcat(EHLO, row->said, NULL) : NULL;
  struct memory_peer peer = { .input = slice_of(replies), .piece = 1, .read_errno = read_errno };
  g_autoptr(GError) error = NULL;
  struct smtp_relay *relay = smtp_relay_new(memory_peer_stream(&peer), &options);
  enum res res = run(relay, row, &error);
  struct slice reply = smtp_relay_reply(relay), want = slice_of(row->reply ? row->reply : "");
  if (res != row->res || !slice_equal(reply, want) || (res != RES_OK && error_reply(error, REPLY_OK) != row->code))
    g_error("%s: %d, \"%.*s\", %s", row->name, (int)res, SLICE_FMT(reply), error ? error->message : "no error");
  smtp_relay_free(relay);
  if (said && strcmp(peer.output->str, said) != 0)
    g_error("%s: said\n%s\nnot\n%s", row->name, peer.output->str, said);
  g_assert_true(peer.closed);
  g_string_free(peer.output, TRUE);
}

static void
test_dialogues(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    check(&rows[i], 0);
    check(&rows[i], EAGAIN); /* silent where it closed: too slow */
    check(&rows[i], ECONNRESET);
  }
}

/* ---- a server that says more than it was asked ---- */

static void
test_unasked(void)
{
  struct memory_peer peer = { .input = slice_of(HELLO OFFERS OK OK OK), .piece = 0 };
  g_autoptr(GError) error = NULL;
  struct smtp_relay *relay = smtp_relay_new(memory_peer_stream(&peer), &options);
  g_assert_cmpint(smtp_relay_hello(relay, &error), ==, RES_TEMP);
  g_assert_cmpint(error->code, ==, REPLY_NEXT_HOP_TROUBLE);
  g_assert_cmpstr(peer.output->str, ==, ""); /* not even EHLO: whatever it means, it is no SMTP */
  g_assert_cmpint(smtp_relay_mail(relay, SLICE("a@x"), SLICE(""), NULL), ==, RES_TEMP);
  smtp_relay_free(relay);
  g_assert_cmpstr(peer.output->str, ==, "");
  g_string_free(peer.output, TRUE);
}

/* A reply as long as may be, and one octet more. */
static void
check_long(size_t more, enum res want)
{
  g_autoptr(GString) replies = g_string_new(HELLO NOTHING);
  size_t before = replies->len, most = SMTP_RELAY_REPLY_MAX - strlen("250 ok\r\n");
  while (replies->len - before < most) {
    size_t n = MIN(900, most - (replies->len - before));
    n = most - (replies->len - before) - n < 20 && most - (replies->len - before) > 900 ? n - 20 : n;
    g_string_append(replies, "250-");
    for (size_t i = 0; i + 6 < n; i++)
      g_string_append_c(replies, 'x');
    g_string_append(replies, "\r\n");
  }
  g_string_append(replies, more ? "250 okx\r\n" : "250 ok\r\n");
  struct memory_peer peer = { .input = { replies->str, replies->len }, .piece = 1 };
  struct smtp_relay *relay = smtp_relay_new(memory_peer_stream(&peer), &options);
  g_assert_cmpint(smtp_relay_hello(relay, NULL), ==, RES_OK);
  g_assert_cmpint(smtp_relay_mail(relay, SLICE("a@x"), SLICE(""), NULL), ==, want);
  g_assert_cmpuint(smtp_relay_reply(relay).n, ==, want == RES_OK ? SMTP_RELAY_REPLY_MAX : 0);
  smtp_relay_free(relay);
  g_string_free(peer.output, TRUE);
}

static void
test_long_reply(void)
{
  check_long(0, RES_OK);
  check_long(1, RES_TEMP);
}

/* XFORWARD takes as many commands as it needs, none over 512 octets but for one attribute that is longer by itself. */
static void
test_long_xforward(void)
{
  g_autofree char *long_name = g_strnfill(300, 'n');
  const struct smtp_attribute attributes[] = { { "NAME", long_name }, { "ADDR", "192.0.2.1" }, { "HELO", long_name } };
  struct memory_peer peer = { .input = slice_of(HELLO OFFERS OK OK), .piece = 1 };
  struct smtp_relay *relay = smtp_relay_new(memory_peer_stream(&peer), &options);
  g_assert_cmpint(smtp_relay_hello(relay, NULL), ==, RES_OK);
  g_assert_cmpint(smtp_relay_xforward(relay, attributes, G_N_ELEMENTS(attributes), NULL), ==, RES_OK);
  g_autofree char *want = g_strdup_printf(EHLO "XFORWARD NAME=%s ADDR=192.0.2.1\r\nXFORWARD HELO=%s\r\n", long_name, long_name);
  g_assert_cmpstr(peer.output->str, ==, want);
  smtp_relay_free(relay);
  g_string_free(peer.output, TRUE);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/smtp_relay/dialogues", test_dialogues);
  g_test_add_func("/smtp_relay/unasked", test_unasked);
  g_test_add_func("/smtp_relay/long_reply", test_long_reply);
  g_test_add_func("/smtp_relay/long_xforward", test_long_xforward);
  return g_test_run();
}
