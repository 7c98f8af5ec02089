/* Personal copies and flights: what is written together, and what becomes of each copy whatever the server says in the middle of it. */
#include "smtp/smtp_client.h"
#include "smtp/smtp_oracle.h"
#include "net/memory_peer.h"
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

/* Octets of EHLO. */
#define EHLO_SAID (sizeof("EHLO lists.example.com\r\n") - 1)
#define HELLO "220 mx.example ESMTP\r\n"
#define BOTH "250-mx.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n"
#define PIPELINING "250-mx.example\r\n250 PIPELINING\r\n"
#define CHUNKING "250-mx.example\r\n250 CHUNKING\r\n"
#define PLAIN "250 mx.example\r\n"
#define OK "250 2.1.0 ok\r\n"
#define GO "354 go\r\n"
#define TAKEN "250 2.0.0 queued\r\n"
#define BYE "421 4.3.2 bye\r\n"

/* What is said for one of the copies for a@, b@, c@. */
#define MAIL(x) "MAIL FROM:<ant+" x "@example.com>\r\n"
#define RCPT(x) "RCPT TO:<" x "@x.example>\r\n"
#define COPY(x) "Subject: x\r\n\r\nbody\r\n-- " x "\r\n"
#define BDAT(x) MAIL(x) RCPT(x) "BDAT 26 LAST\r\n" COPY(x)
#define DATA(x) MAIL(x) RCPT(x) "DATA\r\n"
#define RSET "RSET\r\n"
#define DOT ".\r\n"

static const struct copy_form small = {
  .header = { "Subject: x\r\n\r\n", 14 },
  .body = { "body\r\n-- all\r\n", 14 },
  .has_slot = { [SLOT_FOOTER] = true },
  .slots = { [SLOT_FOOTER] = { .at = 20, .n = 8 } },
};

static const struct {
  const char *name, *hello, *script;
  const char *wanted; /* a letter for each copy: Sent, Deferred, Failed, Bounced, Pending */
  const char *said;   /* after EHLO; NULL: not looked at */
  const char *reply;  /* starts the last copy's reply */
  int writes;         /* 0: not looked at */
  int read_errno;
  bool congested;
} rows[] = {
  { .name = "BDAT", .hello = BOTH, .script = OK OK TAKEN OK OK OK TAKEN OK OK OK TAKEN, .wanted = "SSS", .writes = 1,
    .said = BDAT("a") RSET BDAT("b") RSET BDAT("c") },
  { .name = "DATA", .hello = PIPELINING, .script = OK OK GO TAKEN OK OK GO TAKEN OK OK GO TAKEN, .wanted = "SSS", .writes = 4,
    .said = DATA("a") COPY("a") DOT DATA("b") COPY("b") DOT DATA("c") COPY("c") DOT },
  { .name = "BDAT one at a time", .hello = CHUNKING, .script = OK OK TAKEN OK OK TAKEN OK OK TAKEN, .wanted = "SSS", .writes = 9,
    .said = BDAT("a") BDAT("b") BDAT("c") },
  { .name = "DATA one at a time", .hello = PLAIN, .script = OK OK GO TAKEN OK OK GO TAKEN OK OK GO TAKEN, .wanted = "SSS", .writes = 12,
    .said = DATA("a") COPY("a") DOT DATA("b") COPY("b") DOT DATA("c") COPY("c") DOT },

  { .name = "BDAT, RCPT refused", .hello = BOTH, .script = OK OK TAKEN OK OK "550 5.1.1 no\r\n503 none\r\n" OK OK OK TAKEN, .wanted = "SBS", .writes = 1 },
  { .name = "BDAT, RCPT deferred", .hello = BOTH, .script = OK "450 later\r\n503 none\r\n" OK OK OK TAKEN OK OK OK TAKEN, .wanted = "DSS" },
  { .name = "BDAT, every RCPT refused", .hello = BOTH, .script = OK "550 a\r\n503 a\r\n" OK OK "550 b\r\n503 b\r\n" OK OK "550 c\r\n503 c\r\n", .wanted = "BBB",
    .reply = "550 c" },
  { .name = "BDAT, RCPT refused and the octets taken", .hello = BOTH, .script = OK "550 a\r\n" TAKEN OK OK OK TAKEN OK OK OK TAKEN, .wanted = "BSS" },
  { .name = "BDAT, MAIL refused", .hello = BOTH, .script = OK OK TAKEN OK "550 5.1.8 who?\r\n503 b\r\n503 b\r\n" OK OK OK TAKEN, .wanted = "SFS" },
  { .name = "BDAT, MAIL refused and all else taken", .hello = BOTH, .script = OK OK TAKEN OK "550 5.1.8 who?\r\n" OK TAKEN OK OK OK TAKEN, .wanted = "SFS" },
  { .name = "BDAT, MAIL deferred", .hello = BOTH, .script = OK OK TAKEN OK OK OK TAKEN OK "451 4.3.2 slowly\r\n503 c\r\n503 c\r\n", .wanted = "SSD",
    .reply = "451 4.3.2 slowly", .congested = true },
  { .name = "BDAT refused", .hello = BOTH, .script = OK OK TAKEN OK OK OK "554 5.7.1 spam\r\n" OK OK OK TAKEN, .wanted = "SFS" },
  { .name = "BDAT deferred", .hello = BOTH, .script = OK OK TAKEN OK OK OK "452 4.3.1 full\r\n" OK OK OK TAKEN, .wanted = "SDS", .congested = true },
  { .name = "BDAT one at a time, RCPT refused", .hello = CHUNKING, .script = OK OK TAKEN OK "550 5.1.1 no\r\n" OK OK OK TAKEN, .wanted = "SBS",
    .said = BDAT("a") MAIL("b") RCPT("b") RSET BDAT("c") },
  { .name = "BDAT one at a time, MAIL refused", .hello = CHUNKING, .script = "550 who?\r\n" OK OK OK TAKEN OK OK TAKEN, .wanted = "FSS",
    .said = MAIL("a") RSET BDAT("b") BDAT("c") },
  { .name = "BDAT one at a time, refused", .hello = CHUNKING, .script = OK OK "554 no\r\n" OK OK OK TAKEN OK OK TAKEN, .wanted = "FSS",
    .said = BDAT("a") RSET BDAT("b") BDAT("c") },

  { .name = "DATA, RCPT refused", .hello = PIPELINING, .script = OK OK GO TAKEN OK "550 5.1.1 no\r\n503 none\r\n" OK OK OK GO TAKEN, .wanted = "SBS",
    .said = DATA("a") COPY("a") DOT DATA("b") RSET DATA("c") COPY("c") DOT },
  { .name = "DATA, RCPT refused, 354", .hello = PIPELINING, .script = OK OK GO TAKEN OK "550 5.1.1 no\r\n" GO "554 empty\r\n" OK OK GO TAKEN, .wanted = "SBS",
    .said = DATA("a") COPY("a") DOT DATA("b") DOT DATA("c") COPY("c") DOT, .writes = 5 },
  { .name = "DATA, MAIL refused", .hello = PIPELINING, .script = OK OK GO TAKEN "550 who?\r\n503 b\r\n503 b\r\n" OK OK OK GO TAKEN, .wanted = "SFS" },
  { .name = "DATA refused", .hello = PIPELINING, .script = OK OK GO TAKEN OK OK "554 no\r\n" OK OK OK GO TAKEN, .wanted = "SFS" },
  { .name = "DATA, content refused", .hello = PIPELINING, .script = OK OK GO "554 spam\r\n" OK OK GO "451 4.3.0 later\r\n" OK OK GO TAKEN, .wanted = "FDS",
    .congested = true, .writes = 5 },

  { .name = "BDAT, 421 at RCPT", .hello = BOTH, .script = OK OK TAKEN OK OK BYE, .wanted = "SPP", .congested = true },
  { .name = "BDAT, 421 at RSET", .hello = BOTH, .script = OK OK TAKEN BYE, .wanted = "SPP", .congested = true },
  { .name = "BDAT, 421 at MAIL", .hello = BOTH, .script = BYE, .wanted = "PPP", .congested = true },
  { .name = "BDAT, 421 for the content", .hello = BOTH, .script = OK OK TAKEN OK OK OK BYE, .wanted = "SDP", .congested = true },
  { .name = "BDAT, 421 and then it goes on", .hello = BOTH, .script = OK OK TAKEN OK OK BYE "503 none\r\n" OK OK OK TAKEN, .wanted = "SPS", .congested = true },
  { .name = "BDAT, 354 and then it goes on", .hello = BOTH, .script = OK GO "503 none\r\n" OK OK OK TAKEN OK OK OK TAKEN, .wanted = "PSS" },
  { .name = "BDAT, RSET refused and then it goes on", .hello = BOTH, .script = OK OK TAKEN "500 what?\r\n503 b\r\n503 b\r\n503 b\r\n" OK OK OK TAKEN, .wanted = "SPS" },
  { .name = "BDAT, 421 and then no to everything", .hello = BOTH, .script = OK OK BYE "503 b\r\n550 b\r\n550 b\r\n554 b\r\n500 c\r\n", .wanted = "DPP", .congested = true },
  { .name = "BDAT, 421 and then silence", .hello = BOTH, .script = OK BYE, .wanted = "PDD", .congested = true, .read_errno = EAGAIN },
  { .name = "BDAT, 421 and then garbage", .hello = BOTH, .script = OK OK TAKEN OK BYE "what?\r\n", .wanted = "SDD", .congested = true },
  { .name = "BDAT, 421 and then 354", .hello = BOTH, .script = OK OK TAKEN OK BYE OK GO, .wanted = "SDP", .congested = true },
  { .name = "BDAT, closed at once", .hello = BOTH, .script = "", .wanted = "DDD", .reply = "no reply to the message (the server closed the connection): it may arrive twice" },
  { .name = "BDAT, closed after the first", .hello = BOTH, .script = OK OK TAKEN, .wanted = "SDD" },
  { .name = "BDAT, closed in the second", .hello = BOTH, .script = OK OK TAKEN OK OK "550 no\r\n", .wanted = "SBD" },
  { .name = "BDAT, reset in the third", .hello = BOTH, .script = OK OK TAKEN OK OK OK TAKEN OK OK, .wanted = "SSD", .read_errno = ECONNRESET },
  { .name = "BDAT, too slow", .hello = BOTH, .script = OK OK TAKEN OK, .wanted = "SDD", .read_errno = ETIMEDOUT, .reply = "no reply to the message (" },
  { .name = "BDAT, garbage", .hello = BOTH, .script = OK OK TAKEN OK "what?\r\n", .wanted = "SDD" },
  { .name = "BDAT, 354", .hello = BOTH, .script = OK OK GO, .wanted = "DPP" },
  { .name = "BDAT, RSET refused", .hello = BOTH, .script = OK OK TAKEN "554 Too many nonmail commands\r\n", .wanted = "SPP" },
  { .name = "DATA, 421 for the content", .hello = PIPELINING, .script = OK OK GO BYE, .wanted = "DPP", .congested = true },
  { .name = "DATA, 421 at the second", .hello = PIPELINING, .script = OK OK GO TAKEN OK BYE, .wanted = "SPP", .congested = true },
  { .name = "DATA, closed after the first", .hello = PIPELINING, .script = OK OK GO, .wanted = "DPP" },
  { .name = "DATA, closed before the content", .hello = PIPELINING, .script = OK OK GO TAKEN OK OK, .wanted = "SPP" },
};

static const char *const addresses[] = { "a@x.example", "b@x.example", "c@x.example" };
static const char *const senders[] = { "ant+a@example.com", "ant+b@example.com", "ant+c@example.com" };
static const char *const footers[] = { "-- a\r\n", "-- b\r\n", "-- c\r\n" };

static void
personal_init(struct transmission *mail, const struct copy_form *form)
{
  transmission_init(mail, SHAPE_PERSONAL, G_N_ELEMENTS(addresses));
  mail->as_is = form;
  for (size_t i = 0; i < mail->n; i++) {
    mail->recipients[i].address = addresses[i];
    mail->recipients[i].reverse_path = senders[i];
    mail->recipients[i].own[SLOT_FOOTER] = slice_of(footers[i]);
  }
}

static struct smtp_client *
open_client(struct stream *stream, size_t max_recipients)
{
  const struct smtp_client_options options = { .hostname = "lists.example.com", .name = "127.0.0.1:25 4", .max_recipients = max_recipients };
  OWN(smtp_client) client = smtp_client_new(stream, &options);
  if (smtp_client_hello(client, NULL) != RES_OK)
    return NULL;
  return OWN_GIVE(client);
}

static void
letters(const struct transmission *mail, char *out)
{
  for (size_t i = 0; i < mail->n; i++)
    *out++ = "PSDFBK"[mail->recipients[i].outcome];
  *out = '\0';
}

static void
check_row(size_t row, struct memory_peer peer)
{
  g_autofree char *input = g_strconcat(HELLO, rows[row].hello, rows[row].script, NULL);
  peer.input = slice_of(input);
  peer.read_errno = rows[row].read_errno;
  OWN(smtp_client) client = open_client(memory_peer_stream(&peer), 100);
  int writes = peer.writes;
  struct transmission mail;
  g_autoptr(GError) error = NULL;
  char got[4];
  personal_init(&mail, &small);
  enum res res = smtp_client_send(client, &mail, &error);
  g_assert_cmpint(res, ==, error ? RES_TEMP : RES_OK);
  g_assert_true(res != RES_OK || transmission_pending(&mail) == 0);
  letters(&mail, got);
  g_assert_cmpstr(got, ==, rows[row].wanted);
  if (rows[row].said)
    g_assert_cmpstr(peer.output->str + EHLO_SAID, ==, rows[row].said);
  if (rows[row].writes && peer.piece == strlen(HELLO)) /* else EHLO was not flushed before */
    g_assert_cmpint(peer.writes - writes, ==, rows[row].writes);
  if (rows[row].reply && !g_str_has_prefix(transmission_text_of(&mail, 2), rows[row].reply))
    g_error("%s: the reply is %s", rows[row].name, transmission_text_of(&mail, 2));
  g_assert_cmpint(smtp_client_congested(client), ==, rows[row].congested);
  g_assert_cmpint(mail.refused, ==, -1);
  smtp_oracle_check(&mail, &small, (struct slice){ peer.output->str, peer.output->len }, peer.input);
  transmission_clear(&mail);
  g_string_free(peer.output, TRUE);
}

static void
test_row(gconstpointer data)
{
  size_t row = GPOINTER_TO_SIZE(data);
  size_t length = strlen(HELLO) + strlen(rows[row].hello) + strlen(rows[row].script);
  g_test_message("%s", rows[row].name);
  check_row(row, (struct memory_peer){ 0 });
  check_row(row, (struct memory_peer){ .piece = strlen(HELLO) });
  check_row(row, (struct memory_peer){ .piece = 1, .write_piece = 1 });
  for (size_t split = 1; split < length; split++)
    check_row(row, (struct memory_peer){ .split = split });
}

/* --- who said it --- */

static void
test_via(void)
{
  struct memory_peer peer = { .input = SLICE(HELLO BOTH OK OK "250 first\r\n" OK OK "550 second\r\n503 none\r\n" OK OK OK "250 third\r\n") };
  OWN(smtp_client) client = open_client(memory_peer_stream(&peer), 100);
  struct transmission mail;
  personal_init(&mail, &small);
  g_assert_cmpint(smtp_client_send(client, &mail, NULL), ==, RES_OK);
  g_assert_cmpstr(transmission_reply_of(&mail, 0)->via, ==, "127.0.0.1:25 4/1");
  g_assert_cmpstr(transmission_reply_of(&mail, 1)->via, ==, "127.0.0.1:25 4/2");
  g_assert_cmpstr(transmission_reply_of(&mail, 1)->text, ==, "550 second");
  g_assert_cmpstr(transmission_reply_of(&mail, 2)->via, ==, "127.0.0.1:25 4/3");
  g_assert_cmpstr(transmission_reply_of(&mail, 2)->text, ==, "250 third");
  transmission_clear(&mail);
  g_string_free(peer.output, TRUE);
}

/* --- many recipients, many copies --- */

struct crowd {
  struct transmission mail;
  GPtrArray *addresses;
};

static void
crowd_init(struct crowd *crowd, enum shape shape, size_t n, const struct copy_form *form)
{
  transmission_init(&crowd->mail, shape, n);
  crowd->mail.as_is = form;
  crowd->mail.reverse_path = "ant-bounces@example.com";
  crowd->addresses = g_ptr_array_new_with_free_func(g_free);
  for (size_t i = 0; i < n; i++) {
    g_ptr_array_add(crowd->addresses, g_strdup_printf("member%zu@x.example", i));
    crowd->mail.recipients[i].address = g_ptr_array_index(crowd->addresses, i);
  }
}

static void
crowd_clear(struct crowd *crowd)
{
  transmission_clear(&crowd->mail);
  g_ptr_array_unref(crowd->addresses);
}

static size_t
count(const struct transmission *mail, enum outcome outcome)
{
  size_t n = 0;
  for (size_t i = 0; i < mail->n; i++)
    n += mail->recipients[i].outcome == outcome;
  return n;
}

/* Replies to `n` copies by BDAT, each `text` octets long. */
static GString *
bdat_replies(size_t n, size_t text)
{
  GString *input = g_string_new(HELLO BOTH);
  g_autofree char *line = g_strnfill(text, 'x');
  for (size_t i = 0; i < n * 4 - 1; i++)
    g_string_append_printf(input, "250 %s\r\n", line);
  return input;
}

/* 1,000 copies: about 4,000 replies, of which SMTP_REPLIES_MAX are ever outstanding; half of them are taken at a time, so the writes are few. */
static void
test_many_copies(void)
{
  g_autoptr(GString) input = bdat_replies(1000, 10);
  struct memory_peer peer = { .input = { input->str, input->len }, .piece = 100 };
  OWN(smtp_client) client = open_client(memory_peer_stream(&peer), 100);
  struct crowd crowd;
  crowd_init(&crowd, SHAPE_PERSONAL, 1000, &small);
  int writes = peer.writes;
  g_assert_cmpint(smtp_client_send(client, &crowd.mail, NULL), ==, RES_OK);
  g_assert_cmpuint(count(&crowd.mail, OUTCOME_SENT), ==, 1000);
  g_assert_cmpint(peer.writes - writes, <=, 90);
  g_assert_cmpint(peer.writes - writes, >=, 40);
  smtp_oracle_check(&crowd.mail, &small, (struct slice){ peer.output->str, peer.output->len }, peer.input);
  crowd_clear(&crowd);
  g_string_free(peer.output, TRUE);
}

static char *
lines(size_t n)
{
  char *text = g_malloc(n + 1);
  for (size_t i = 0; i < n; i++)
    text[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : 'z';
  text[n] = '\0';
  return text;
}

/* A message that is not small waits for its envelope: with nobody accepted none of it is sent. */
static void
test_big(void)
{
  g_autofree char *body = lines(320 * 1024);
  const struct copy_form form = { .header = SLICE("Subject: x\r\n\r\n"), .body = { body, 320 * 1024 } };
  struct memory_peer peer = { .input = SLICE(HELLO BOTH OK "550 a\r\n550 b\r\n" OK OK "550 a\r\n" OK TAKEN) };
  OWN(smtp_client) client = open_client(memory_peer_stream(&peer), 100);
  struct crowd crowd;
  crowd_init(&crowd, SHAPE_BATCH, 2, &form);
  g_assert_cmpint(smtp_client_send(client, &crowd.mail, NULL), ==, RES_OK);
  g_assert_cmpuint(count(&crowd.mail, OUTCOME_BOUNCED), ==, 2);
  g_assert_null(strstr(peer.output->str, "BDAT"));
  crowd_clear(&crowd);

  crowd_init(&crowd, SHAPE_BATCH, 2, &form);
  size_t start = peer.output->len;
  g_assert_cmpint(smtp_client_send(client, &crowd.mail, NULL), ==, RES_OK);
  g_assert_cmpuint(count(&crowd.mail, OUTCOME_SENT), ==, 1);
  g_assert_true(g_str_has_prefix(peer.output->str + start, "RSET\r\nMAIL "));
  g_assert_nonnull(strstr(peer.output->str + start, "BDAT 327694 LAST\r\nSubject: x\r\n\r\nzzz"));
  g_assert_true(g_str_has_suffix(peer.output->str, body));
  crowd_clear(&crowd);
  g_string_free(peer.output, TRUE);
}

/* A line end that is none goes through the dot encoder, which mends it. */
static void
test_unclean(void)
{
  const struct copy_form form = { .header = SLICE("Subject: x\r\n\r\n"), .body = SLICE("a\nb\r\n") };
  struct memory_peer peer = { .input = SLICE(HELLO BOTH OK OK GO TAKEN) };
  OWN(smtp_client) client = open_client(memory_peer_stream(&peer), 100);
  struct crowd crowd;
  crowd_init(&crowd, SHAPE_BATCH, 1, &form);
  g_assert_cmpint(smtp_client_send(client, &crowd.mail, NULL), ==, RES_OK);
  g_assert_true(g_str_has_suffix(peer.output->str, "DATA\r\nSubject: x\r\n\r\na b\r\n.\r\n"));
  crowd_clear(&crowd);
  g_string_free(peer.output, TRUE);
}

/* The same copies as one batch of several transactions: the limit is learned while the next transaction is on its way. */
static void
test_batches(void)
{
  struct memory_peer peer = { .input = SLICE(HELLO BOTH OK OK "452 4.5.3 too many\r\n" TAKEN OK OK OK "452 4.5.3 too many\r\n" TAKEN OK OK TAKEN OK OK OK TAKEN) };
  OWN(smtp_client) client = open_client(memory_peer_stream(&peer), 2);
  struct crowd crowd;
  crowd_init(&crowd, SHAPE_BATCH, 4, &small);
  g_assert_cmpint(smtp_client_send(client, &crowd.mail, NULL), ==, RES_OK);
  g_assert_cmpuint(count(&crowd.mail, OUTCOME_SENT), ==, 4);
  smtp_oracle_check(&crowd.mail, &small, (struct slice){ peer.output->str, peer.output->len }, peer.input);
  crowd_clear(&crowd);
  g_string_free(peer.output, TRUE);
}

/* What the server said before it closed counts more than that nothing could be written any more. */
static void
test_last_words(void)
{
  static const struct {
    const char *name, *script, *error;
    enum outcome wanted;
    bool congested;
  } words[] = {
    { .name = "refused", .script = OK OK "552 5.3.4 large\r\n", .error = "the server said: 552 5.3.4 large", .wanted = OUTCOME_FAILED },
    { .name = "busy", .script = OK OK BYE, .error = "the server said: 421 4.3.2 bye", .wanted = OUTCOME_PENDING, .congested = true },
    { .name = "busy from the start", .script = BYE, .error = "the server said: 421 4.3.2 bye", .wanted = OUTCOME_PENDING, .congested = true },
    { .name = "taken, before it was sent", .script = OK OK TAKEN, .error = "the server said: 250 2.0.0 queued", .wanted = OUTCOME_PENDING },
    { .name = "recipient refused", .script = OK "550 no\r\n", .error = "write: ", .wanted = OUTCOME_BOUNCED },
    { .name = "silent", .script = "", .error = "write: ", .wanted = OUTCOME_PENDING },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
    g_autofree char *input = g_strconcat(HELLO BOTH, words[i].script, NULL);
    struct memory_peer peer = { .input = slice_of(input) };
    OWN(smtp_client) client = open_client(memory_peer_stream(&peer), 100);
    peer.write_errno = EPIPE;
    struct crowd crowd;
    g_autoptr(GError) error = NULL;
    crowd_init(&crowd, SHAPE_BATCH, 1, &small);
    g_assert_cmpint(smtp_client_send(client, &crowd.mail, &error), ==, RES_TEMP);
    if (crowd.mail.recipients[0].outcome != words[i].wanted || !g_str_has_prefix(error->message, words[i].error) ||
        smtp_client_congested(client) != words[i].congested)
      g_error("%s: outcome %d, %s", words[i].name, crowd.mail.recipients[0].outcome, error->message);
    crowd_clear(&crowd);
    g_string_free(peer.output, TRUE);
  }
}

/* Copies for members who are all refused: after the first flight no octets are sent before RCPT was answered, and after nine refusals, or seven RSETs, the
 * connection is given up. Those that nobody was asked about are pending. */
static void
test_refused_in_a_row(void)
{
  static const struct {
    const char *name, *hello, *replies[2]; /* to the copies of the first flight, and later ones */
    size_t first, refused;
  } servers[] = {
    { .name = "BDAT", .hello = BOTH, .replies = { OK "550 no\r\n503 none\r\n" OK, OK "550 no\r\n" OK }, .first = 4, .refused = 5 },
    { .name = "DATA", .hello = PIPELINING, .replies = { OK "550 no\r\n503 none\r\n" OK, OK "550 no\r\n" OK }, .first = 1, .refused = 7 },
    { .name = "one at a time", .hello = CHUNKING, .replies = { "", OK "550 no\r\n" OK }, .first = 0, .refused = 7 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(servers); i++) {
    g_autoptr(GString) input = g_string_new(HELLO);
    g_string_append(input, servers[i].hello);
    for (size_t copy = 0; copy < 20; copy++)
      g_string_append(input, servers[i].replies[copy >= servers[i].first]);
    struct memory_peer peer = { .input = { input->str, input->len }, .piece = 100 };
    OWN(smtp_client) client = open_client(memory_peer_stream(&peer), 100);
    struct crowd crowd;
    crowd_init(&crowd, SHAPE_PERSONAL, 20, &small);
    g_test_message("%s", servers[i].name);
    g_assert_cmpint(smtp_client_send(client, &crowd.mail, NULL), ==, RES_MORE);
    g_assert_true(smtp_client_worn(client) && !smtp_client_congested(client));
    g_assert_cmpuint(count(&crowd.mail, OUTCOME_BOUNCED), ==, servers[i].refused);
    g_assert_cmpuint(count(&crowd.mail, OUTCOME_PENDING), ==, 20 - servers[i].refused);
    smtp_oracle_check(&crowd.mail, &small, (struct slice){ peer.output->str, peer.output->len }, peer.input);
    crowd_clear(&crowd);
    g_string_free(peer.output, TRUE);
  }
}

/* Of a batch in which every other recipient is refused, those accepted get it before more are asked for. */
static void
test_refused_in_a_batch(void)
{
  g_autoptr(GString) input = g_string_new(HELLO BOTH OK);
  for (int i = 0; i < 9; i++)
    g_string_append(input, "550 no\r\n" OK);
  for (int i = 0; i < 300; i++)
    g_string_append(input, OK);
  struct memory_peer peer = { .input = { input->str, input->len }, .piece = 100 };
  OWN(smtp_client) client = open_client(memory_peer_stream(&peer), 500);
  struct crowd crowd;
  crowd_init(&crowd, SHAPE_BATCH, 200, &small);
  g_assert_cmpint(smtp_client_send(client, &crowd.mail, NULL), ==, RES_OK);
  g_assert_cmpuint(count(&crowd.mail, OUTCOME_BOUNCED), ==, 9);
  g_assert_cmpuint(count(&crowd.mail, OUTCOME_SENT), ==, 191);
  g_assert_nonnull(strstr(peer.output->str, COPY("all") "MAIL FROM:<ant-bounces@example.com>\r\n"));
  g_assert_false(smtp_client_worn(client));
  smtp_oracle_check(&crowd.mail, &small, (struct slice){ peer.output->str, peer.output->len }, peer.input);
  crowd_clear(&crowd);
  g_string_free(peer.output, TRUE);
}

/* A write that fails midway: of the copies whose end had left nobody knows whether they were taken, the others were not. */
static void
test_failed_midway(void)
{
  static const char said[] = BDAT("a") RSET BDAT("b") RSET BDAT("c");
  const size_t ends[] = { strlen(BDAT("a")), strlen(BDAT("a") RSET BDAT("b")) };
  for (size_t most = 0; most < strlen(said); most++) {
    struct memory_peer peer = { .input = SLICE(HELLO BOTH), .write_piece = 50 };
    OWN(smtp_client) client = open_client(memory_peer_stream(&peer), 100);
    peer.write_errno = ECONNRESET;
    peer.write_most = EHLO_SAID + most;
    struct transmission mail;
    char got[4];
    personal_init(&mail, &small);
    g_assert_cmpint(smtp_client_send(client, &mail, NULL), ==, RES_TEMP);
    letters(&mail, got);
    g_assert_cmpstr(got, ==, most >= ends[1] ? "DDP" : most >= ends[0] ? "DPP" : "PPP");
    transmission_clear(&mail);
    g_string_free(peer.output, TRUE);
  }
}

/* --- sockets --- */

struct rude {
  int fd;
  GString *replies;
};

/* A server that from the first octet of MAIL on reads only when all its replies were read, and whose buffers are small. */
static void *
rude_run(void *arg)
{
  struct rude *rude = arg;
  char octets[4096];
  size_t at = strlen(HELLO BOTH);
  g_assert_true(send(rude->fd, rude->replies->str, at, MSG_NOSIGNAL) == (ssize_t)at);
  g_assert_true(recv(rude->fd, octets, EHLO_SAID + 1, MSG_WAITALL) == EHLO_SAID + 1);
  while (at < rude->replies->len) {
    ssize_t n = send(rude->fd, rude->replies->str + at, rude->replies->len - at, MSG_NOSIGNAL);
    if (n <= 0)
      break;
    at += (size_t)n;
  }
  while (recv(rude->fd, octets, sizeof(octets), 0) > 0)
    ;
  return NULL;
}

static void
make_pair(int fds[2])
{
  int size = 4096;
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
  for (int i = 0; i < 2; i++) {
    setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
  }
}

static void
test_no_deadlock(void)
{
  int fds[2];
  make_pair(fds);
  g_autofree char *body = lines(48 * 1024);
  const struct copy_form form = { .header = SLICE("Subject: x\r\n\r\n"), .body = { body, 48 * 1024 } };
  struct rude rude = { .fd = fds[1], .replies = bdat_replies(20, 480) };
  pthread_t thread;
  g_assert_cmpint(pthread_create(&thread, NULL, rude_run, &rude), ==, 0);
  OWN(smtp_client) client = open_client(stream_new(fds[0]), 100);
  struct crowd crowd;
  crowd_init(&crowd, SHAPE_PERSONAL, 20, &form);
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(smtp_client_send(client, &crowd.mail, &error), ==, RES_OK);
  g_assert_cmpuint(count(&crowd.mail, OUTCOME_SENT), ==, 20);
  crowd_clear(&crowd);
  smtp_client_free(OWN_GIVE(client));
  pthread_join(thread, NULL);
  close(fds[1]);
  g_string_free(rude.replies, TRUE);
}

/* A connection that the server closed while it was idle: nothing is sent, and nothing was answered. */
static void
test_closed_while_idle(void)
{
  static const struct {
    const char *name, *words;
    bool congested;
  } ends[] = {
    { .name = "silently", .words = "" },
    { .name = "with 421", .words = "421 4.4.2 idle\r\n", .congested = true },
    { .name = "with garbage", .words = "what?\r\n" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
    int fds[2];
    make_pair(fds);
    g_assert_cmpint(write(fds[1], HELLO BOTH, strlen(HELLO BOTH)), >, 0);
    OWN(smtp_client) client = open_client(stream_new(fds[0]), 100);
    g_assert_cmpint(write(fds[1], ends[i].words, strlen(ends[i].words)), >=, 0);
    shutdown(fds[1], SHUT_WR);
    struct crowd crowd;
    char got[256];
    crowd_init(&crowd, SHAPE_BATCH, 1, &small);
    g_test_message("%s", ends[i].name);
    g_assert_cmpint(smtp_client_send(client, &crowd.mail, NULL), ==, RES_TEMP);
    g_assert_false(smtp_client_answered(client));
    g_assert_cmpint(smtp_client_congested(client), ==, ends[i].congested);
    g_assert_cmpuint(count(&crowd.mail, OUTCOME_PENDING), ==, 1);
    smtp_client_free(OWN_GIVE(client));
    g_assert_cmpint(read(fds[1], got, sizeof(got)), ==, strlen("EHLO lists.example.com\r\n"));
    close(fds[1]);
    crowd_clear(&crowd);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strdup_printf("/smtp_flight/%s", rows[i].name);
    g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_row);
  }
  g_test_add_func("/smtp_flight/via", test_via);
  g_test_add_func("/smtp_flight/many copies", test_many_copies);
  g_test_add_func("/smtp_flight/big", test_big);
  g_test_add_func("/smtp_flight/unclean", test_unclean);
  g_test_add_func("/smtp_flight/batches", test_batches);
  g_test_add_func("/smtp_flight/last words", test_last_words);
  g_test_add_func("/smtp_flight/refused in a row", test_refused_in_a_row);
  g_test_add_func("/smtp_flight/refused in a batch", test_refused_in_a_batch);
  g_test_add_func("/smtp_flight/failed midway", test_failed_midway);
  g_test_add_func("/smtp_flight/no deadlock", test_no_deadlock);
  g_test_add_func("/smtp_flight/closed while idle", test_closed_while_idle);
  return g_test_run();
}
