#include "smtp/smtp_client.h"
#include "base/clock.h"
#include "net/memory_peer.h"
#include "net/tls_peer.h"
#include <sys/socket.h>

#define HELLO "220 mx.example ESMTP\r\n"
#define EHLO "EHLO lists.example.com\r\n"
#define OFFER(words) "250-mx.example\r\n250 " words "\r\n"
#define PLAIN OFFER("AUTH PLAIN")
#define BOTH OFFER("AUTH DIGEST-MD5 LOGIN PLAIN")
#define LOGIN OFFER("AUTH LOGIN")
#define WELCOME "235 2.7.0 welcome\r\n"
#define SECRET "s3cret"
#define SAID_PLAIN "AUTH PLAIN AGpvZQBzM2NyZXQ=\r\n"
#define SAID_LOGIN "AUTH LOGIN\r\nam9l\r\nczNjcmV0\r\n"
/* With "joe" as many octets as base64 in a command of 512 can hold. */
#define FIFTY "01234567890123456789012345678901234567890123456789"
#define LONG FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY "01234567890123456"

static const struct {
  const char *name, *input;
  const char *said;  /* NULL: not looked at */
  const char *error; /* part of it */
  const char *password, *ignore;
  enum res res;
  bool login, starttls, far_away, congested;
} rows[] = {
  { .name = "no login wanted", .input = HELLO PLAIN, .said = EHLO },
  { .name = "PLAIN", .login = true, .input = HELLO PLAIN WELCOME, .said = EHLO SAID_PLAIN },
  { .name = "PLAIN comes first", .login = true, .input = HELLO BOTH WELCOME, .said = EHLO SAID_PLAIN },
  { .name = "LOGIN", .login = true, .input = HELLO LOGIN "334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n" WELCOME, .said = EHLO SAID_LOGIN },
  { .name = "old words", .login = true, .input = HELLO OFFER("AUTH=LOGIN DIGEST-MD5") "334 a\r\n334 b\r\n" WELCOME, .said = EHLO SAID_LOGIN },
  { .name = "lower case", .login = true, .input = HELLO OFFER("auth plain") WELCOME, .said = EHLO SAID_PLAIN },
  { .name = "the longest command", .login = true, .password = LONG, .input = HELLO PLAIN WELCOME, .said = NULL },
  { .name = "too long for the command", .login = true, .password = LONG "0", .input = HELLO PLAIN "334 \r\n" WELCOME, .said = NULL },
  { .name = "empty password", .login = true, .password = "", .input = HELLO PLAIN WELCOME, .said = EHLO "AUTH PLAIN AGpvZQA=\r\n" },
  { .name = "far away", .login = true, .far_away = true, .input = HELLO PLAIN WELCOME, .said = EHLO, .res = RES_BAD, .error = "login as joe: will not send the password in clear" },
  { .name = "neither", .login = true, .input = HELLO OFFER("AUTH CRAM-MD5"), .said = EHLO, .res = RES_BAD, .error = "login as joe: the server offers neither AUTH PLAIN nor LOGIN" },
  { .name = "not offered", .login = true, .input = HELLO OFFER("SIZE"), .said = EHLO, .res = RES_BAD, .error = "offers neither" },
  { .name = "HELO only", .login = true, .input = HELLO "502 what?\r\n250 mx\r\n", .res = RES_BAD, .error = "offers neither" },
  { .name = "ignored", .login = true, .ignore = "auth", .input = HELLO PLAIN, .said = EHLO, .res = RES_BAD, .error = "offers neither" },
  { .name = "ignored, old words", .login = true, .ignore = "AUTH", .input = HELLO OFFER("AUTH=PLAIN"), .said = EHLO, .res = RES_BAD, .error = "offers neither" },
  { .name = "refused", .login = true, .input = HELLO PLAIN "535 5.7.8 no\r\n", .res = RES_BAD, .error = "login as joe: the server said: 535 5.7.8 no" },
  { .name = "not now", .login = true, .input = HELLO PLAIN "454 4.7.0 later\r\n", .res = RES_TEMP, .error = "login as joe: the server said: 454 4.7.0 later" },
  { .name = "LOGIN refused at once", .login = true, .input = HELLO LOGIN "534 5.7.9 too weak\r\n", .said = EHLO "AUTH LOGIN\r\n", .res = RES_BAD, .error = "534" },
  { .name = "LOGIN refused after the name", .login = true, .input = HELLO LOGIN "334 a\r\n535 no\r\n", .said = EHLO "AUTH LOGIN\r\nam9l\r\n", .res = RES_BAD, .error = "535" },
  { .name = "asks once more", .login = true, .input = HELLO PLAIN "334 more\r\n", .said = EHLO SAID_PLAIN, .res = RES_BAD, .error = "334" },
  { .name = "says the password", .login = true, .input = HELLO PLAIN "535 " SECRET " is wrong\r\n", .res = RES_BAD, .error = "login as joe: the server said something that holds the password" },
  { .name = "says it in base64", .login = true, .input = HELLO PLAIN "535 unknown: AGpvZQBzM2NyZXQ=\r\n", .res = RES_BAD, .error = "something that holds" },
  { .name = "says it as LOGIN does", .login = true, .input = HELLO LOGIN "334 a\r\n334 b\r\n535 czNjcmV0?\r\n", .res = RES_BAD, .error = "something that holds" },
  { .name = "says it and nothing else", .login = true, .input = HELLO PLAIN SECRET "\r\n", .res = RES_BAD, .error = "login as joe: the server said something that holds" },
  { .name = "hangs up", .login = true, .input = HELLO PLAIN, .said = EHLO SAID_PLAIN, .res = RES_TEMP, .error = "closed" },
  { .name = "no SMTP", .login = true, .input = HELLO PLAIN "ok\r\n", .res = RES_BAD, .error = "not an SMTP reply" },

  { .name = "no STARTTLS", .starttls = true, .input = HELLO OFFER("SIZE"), .said = EHLO, .res = RES_BAD, .error = "the server offers no STARTTLS: set tls = implicit" },
  { .name = "no STARTTLS, and a login", .starttls = true, .login = true, .input = HELLO PLAIN, .said = EHLO, .res = RES_BAD, .error = "no STARTTLS" },
  { .name = "STARTTLS ignored", .starttls = true, .ignore = "STARTTLS", .input = HELLO OFFER("STARTTLS"), .said = EHLO, .res = RES_BAD, .error = "no STARTTLS" },
  { .name = "STARTTLS, not now", .starttls = true, .input = HELLO OFFER("STARTTLS") "454 4.7.0 no key\r\n", .said = EHLO "STARTTLS\r\n", .res = RES_TEMP,
    .error = "STARTTLS: the server said: 454", .congested = true },
  { .name = "STARTTLS refused", .starttls = true, .input = HELLO OFFER("STARTTLS") "554 no\r\n", .said = EHLO "STARTTLS\r\n", .res = RES_BAD, .error = "STARTTLS: the server said: 554" },
  { .name = "more behind the answer", .starttls = true, .input = HELLO OFFER("STARTTLS") "220 go\r\n250 mx\r\n", .res = RES_BAD, .error = "" },

  { .name = "busy", .input = "421 4.3.2 busy\r\n", .said = "", .res = RES_TEMP, .error = "greeting: the server said: 421 4.3.2 busy", .congested = true },
  { .name = "busy otherwise", .input = "450 4.3.2 busy\r\n", .said = "", .res = RES_TEMP, .error = "greeting", .congested = true },
  { .name = "refuses", .input = "554 5.7.1 no\r\n", .said = "", .res = RES_BAD, .error = "greeting" },
  { .name = "busy after EHLO", .input = HELLO "421 busy\r\n", .said = EHLO, .res = RES_TEMP, .error = "EHLO", .congested = true },
};

static struct tls_context *context;

static void
check_row(size_t row, size_t piece)
{
  struct memory_peer peer = { .input = slice_of(rows[row].input), .piece = piece, .local = !rows[row].far_away };
  const char *const ignore[] = { rows[row].ignore, NULL };
  const char *password = rows[row].password ? rows[row].password : SECRET;
  const struct smtp_client_options options = {
    .hostname = "lists.example.com", .name = "sink 1", .max_recipients = 1, .ignore_keywords = ignore, .tls = rows[row].starttls ? context : NULL, .tls_name = PEER_NAME,
    .user = rows[row].login ? "joe" : NULL, .password = rows[row].login ? password : NULL,
  };
  OWN(smtp_client) client = smtp_client_new(memory_peer_stream(&peer), &options);
  g_autoptr(GError) error = NULL;
  enum res res = smtp_client_hello(client, &error);
  const char *text = error ? error->message : "";
  if (res != rows[row].res || (res == RES_OK) != (error == NULL) || !strstr(text, rows[row].error ? rows[row].error : "") ||
      smtp_client_congested(client) != rows[row].congested)
    g_error("%s: result %d, %s", rows[row].name, res, text);
  if (rows[row].login && *password)
    g_assert_null(strstr(text, password));
  if (rows[row].said && piece == 1)
    g_assert_cmpstr(peer.output->str, ==, rows[row].said);
  if (piece == 1 && g_str_has_prefix(rows[row].name, "the longest"))
    g_assert_cmpuint(peer.output->len - strlen(EHLO), ==, 509);
  if (piece == 1 && g_str_has_prefix(rows[row].name, "too long"))
    g_assert_nonnull(strstr(peer.output->str, "AUTH PLAIN\r\nAGpvZQAw"));
  g_string_free(peer.output, TRUE);
}

static void
test_row(gconstpointer data)
{
  size_t row = GPOINTER_TO_SIZE(data);
  for (size_t piece = 0; piece <= 30; piece++)
    if (piece == 0 || !g_str_has_prefix(rows[row].name, "more behind")) /* what comes when the handshake has begun is no TLS either, but not ours to see */
      check_row(row, piece);
}

/* --- with TLS --- */

/* What the server says under TLS, each after it has heard something; and what it heard. */
static const char *const *script;
static GString *heard;

static void
talk(SSL *ssl, int fd)
{
  char octets[4096];
  (void)fd;
  for (; *script; script++) {
    int n = g_str_has_prefix(*script, "220") ? 0 : SSL_read(ssl, octets, sizeof(octets));
    if (n < 0)
      return;
    g_string_append_len(heard, octets, n);
    (void)SSL_write(ssl, *script, (int)strlen(*script));
  }
}

struct clear {
  struct tls_peer tls;
  int fd;
};

static void
answer(int fd, const char *reply)
{
  char octets[1000];
  g_assert_cmpint(recv(fd, octets, sizeof(octets), 0), >, 0);
  g_assert_cmpint(send(fd, reply, strlen(reply), MSG_NOSIGNAL), >, 0);
}

/* The part before STARTTLS. */
static void *
talk_in_clear(void *arg)
{
  struct clear *clear = arg;
  g_assert_cmpint(send(clear->fd, HELLO, strlen(HELLO), MSG_NOSIGNAL), >, 0);
  answer(clear->fd, "250-mx\r\n250-PIPELINING\r\n250-SIZE\r\n250-DSN\r\n250-XVERP\r\n250-CHUNKING\r\n250-AUTH LOGIN\r\n250 STARTTLS\r\n");
  answer(clear->fd, "220 go\r\n");
  tls_peer_start(&clear->tls, clear->fd);
  return NULL;
}

static const struct copy_form small = { .header = { "Subject: x\r\n\r\n", 14 } };

/* Nothing of the first EHLO survives. */
static void
test_starttls(void)
{
  static const char *const under_tls[] = { PLAIN, WELCOME, "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 taken\r\n", "221 bye\r\n", NULL };
  struct clear clear = { .tls = { .certificate = CERT_GOOD, .talk = talk } };
  pthread_t thread;
  struct transmission mail;
  struct stream *stream = stream_to(&clear.fd);
  script = under_tls;
  heard = g_string_new(NULL);
  g_assert_cmpint(pthread_create(&thread, NULL, talk_in_clear, &clear), ==, 0);
  struct smtp_client *client = smtp_client_new(stream, &(struct smtp_client_options){
    .hostname = "lists.example.com", .name = "sink 1", .max_recipients = 1, .tls = context, .tls_name = PEER_NAME, .user = "joe", .password = SECRET });
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(smtp_client_hello(client, &error), ==, RES_OK);
  transmission_init(&mail, SHAPE_BATCH, 1);
  mail.as_is = &small;
  mail.envelope_id = "p";
  mail.reverse_path = "ant@example.com";
  mail.recipients[0].address = "a@x.example";
  g_assert_cmpint(smtp_client_send(client, &mail, &error), ==, RES_OK);
  smtp_client_quit(client, clock_monotonic() + CLOCK_SECOND);
  pthread_join(thread, NULL);
  tls_peer_join(&clear.tls);
  g_assert_cmpstr(heard->str, ==, EHLO SAID_PLAIN "MAIL FROM:<ant@example.com>\r\nRCPT TO:<a@x.example>\r\nDATA\r\nSubject: x\r\n\r\n.\r\nQUIT\r\n");
  transmission_clear(&mail);
  g_string_free(heard, TRUE);
}

static void
check_implicit(enum certificate certificate, enum res wanted)
{
  static const char *const under_tls[] = { HELLO, OFFER("SIZE"), NULL };
  struct tls_peer peer = { .certificate = certificate, .talk = talk };
  script = under_tls;
  heard = g_string_new(NULL);
  struct smtp_client *client = smtp_client_new(stream_to_peer(&peer), &(struct smtp_client_options){
    .hostname = "lists.example.com", .name = "sink 1", .max_recipients = 1, .tls = context, .tls_implicit = true, .tls_name = PEER_NAME });
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(smtp_client_hello(client, &error), ==, wanted);
  smtp_client_free(client);
  tls_peer_join(&peer);
  g_assert_cmpstr(heard->str, ==, wanted == RES_OK ? EHLO : "");
  g_string_free(heard, TRUE);
}

static void
test_implicit(void)
{
  check_implicit(CERT_GOOD, RES_OK);
  check_implicit(CERT_OTHER_NAME, RES_BAD);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  certificates_make();
  context = context_of_client();
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strdup_printf("/smtp_hello/%s", rows[i].name);
    g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_row);
  }
  g_test_add_func("/smtp_hello/STARTTLS", test_starttls);
  g_test_add_func("/smtp_hello/implicit TLS", test_implicit);
  int failed = g_test_run();
  tls_context_free(context);
  certificates_remove();
  return failed;
}
