/* STARTTLS over sockets: what is offered to whom, what survives it, and who must use it. */
#include "door/starttls.h"
#include "base/clock.h"
#include "base/thread.h"
#include "door/stub_hooks.h"
#include "net/stream_pair.h"
#include "net/tls_peer.h"
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELLO "LHLO x\r\n"
#define UNTIL_TLS "LHLO x\r\nSTARTTLS\r\n"

struct line {
  struct stub *stub;
  struct tls_holder *tls;
  struct door_session *session;
  struct stream *client;
  pthread_t thread;
};

static void *
run(void *data)
{
  door_session_run(data);
  return NULL;
}

/* What is configured. */
enum tls { WITHOUT, OFFERED, DEMANDED };

static struct tls_context *
server_context(bool asks)
{
  const struct tls_server_options options = {
    .certificate = certificate_file(CERT_GOOD), .key = certificate_key(CERT_GOOD), .client_ca = asks ? certificate_ca() : "",
  };
  struct tls_context *context = NULL;
  g_assert_cmpint(tls_context_new_server(&options, &context, NULL), ==, RES_OK);
  return context;
}

/* `afar`: the client is on another machine. */
static struct line
line_open(enum tls tls, bool unix_socket, bool afar)
{
  const struct door_peer who = { .session = "s1", .listener = "test", .address = "192.0.2.1:4711", .unix_socket = unix_socket };
  struct line line = { .stub = stub_new(), .tls = tls_holder_new() };
  int fds[2];
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  if (tls != WITHOUT)
    tls_holder_set(line.tls, server_context(tls == DEMANDED));
  line.stub->options.tls = line.tls;
  line.client = stream_new(fds[0]);
  stream_deadline(line.client, clock_monotonic() + CLOCK_MINUTE);
  line.session = door_session_new(PROTOCOL_LMTP, afar ? stream_from_afar(fds[1]) : stream_new(fds[1]), &line.stub->hooks, &line.stub->options, &who);
  return line;
}

static void
line_start(struct line *line)
{
  g_assert_true(thread_start(&line->thread, run, line->session));
}

static void
say(struct line *line, const char *text)
{
  g_assert_cmpint(stream_write(line->client, slice_of(text), NULL), ==, RES_OK);
  g_assert_cmpint(stream_flush(line->client, NULL), ==, RES_OK);
}

/* Reads up to the reply that begins with `last` at the start of a line, or to the end (NULL). Owned by the caller. */
static char *
hear(struct line *line, const char *last)
{
  g_autoptr(GString) heard = g_string_new("\n");
  g_autofree char *wanted = last ? g_strconcat("\n", last, NULL) : NULL;
  for (;;) {
    char *at = wanted ? strstr(heard->str, wanted) : NULL;
    if (at && strstr(at, "\r\n"))
      break;
    if (stream_pending(line->client).n == 0 && stream_fill(line->client, NULL) != RES_OK)
      break;
    g_string_append_c(heard, stream_pending(line->client).p[0]);
    stream_consume(line->client, 1);
  }
  return g_strdup(heard->str + 1);
}

static void
expect(struct line *line, const char *last)
{
  g_autofree char *heard = hear(line, last);
  if (strstr(heard, last) == NULL)
    g_error("\"%s\" is not in: %s", last, heard);
}

/* The client leaves; the session's thread ends. */
static void
line_close(struct line *line)
{
  stream_linger(line->client, 0);
  pthread_join(line->thread, NULL);
  door_session_free(line->session);
  stream_free(line->client);
  tls_holder_free(line->tls);
  stub_free(line->stub);
}

/* Shakes hands, with a certificate or without. */
static void
begin_tls(struct line *line, enum certificate own)
{
  const struct tls_options options = {
    .ca_file = certificate_ca(), .verify = true, .certificate = own == CERT_N ? "" : certificate_file(own), .key = own == CERT_N ? "" : certificate_key(own),
  };
  OWN(tls_context) context = NULL;
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(tls_context_new(&options, &context, NULL), ==, RES_OK);
  g_assert_cmpint(stream_start_tls(line->client, context, PEER_NAME, &error), ==, RES_OK);
  g_assert_no_error(error);
}

/* ---- what is offered, in the clear ---- */

static const struct {
  const char *name;
  enum tls tls;
  bool unix_socket, afar, offered;
  const char *input, *last; /* after the answer to LHLO; how the last reply begins */
} rows[] = {
  { .name = "not configured", .tls = WITHOUT, .input = "STARTTLS\r\n", .last = "500 5.5.2" },
  { .name = "unix socket", .tls = OFFERED, .unix_socket = true, .input = "STARTTLS\r\n", .last = "500 5.5.2" },
  { .name = "offered", .tls = OFFERED, .offered = true, .input = "STARTTLS\r\n", .last = "220 2.0.0" },
  { .name = "any case", .tls = OFFERED, .offered = true, .input = "starttls\r\n", .last = "220 2.0.0" },
  { .name = "argument", .tls = OFFERED, .offered = true, .input = "STARTTLS now\r\n", .last = "501 5.5.4" },
  { .name = "transaction", .tls = OFFERED, .offered = true, .input = "MAIL FROM:<a@x.example>\r\nSTARTTLS\r\n", .last = "503 5.5.1" },
  { .name = "a command behind", .tls = OFFERED, .offered = true, .input = "STARTTLS\r\nMAIL FROM:<a@x.example>\r\n", .last = "501 5.5.4" },
  { .name = "half a command behind", .tls = OFFERED, .offered = true, .input = "STARTTLS\r\nM", .last = "501 5.5.4" },
  { .name = "mail in the clear", .tls = OFFERED, .afar = true, .offered = true, .input = "MAIL FROM:<a@x.example>\r\n", .last = "250 2.1.0" },
  { .name = "demanded: MAIL", .tls = DEMANDED, .afar = true, .offered = true, .input = "MAIL FROM:<a@x.example>\r\n", .last = "450 4.7.0" },
  { .name = "demanded: XFORWARD", .tls = DEMANDED, .afar = true, .offered = true, .input = "XFORWARD NAME=a\r\n", .last = "450 4.7.0" },
  { .name = "demanded: VRFY", .tls = DEMANDED, .afar = true, .offered = true, .input = "VRFY list\r\n", .last = "450 4.7.0" },
  { .name = "demanded: RSET", .tls = DEMANDED, .afar = true, .offered = true, .input = "RSET\r\n", .last = "450 4.7.0" },
  { .name = "demanded: DATA", .tls = DEMANDED, .afar = true, .offered = true, .input = "DATA\r\n", .last = "450 4.7.0" },
  { .name = "demanded: BDAT's octets are no commands", .tls = DEMANDED, .afar = true, .offered = true, .input = "BDAT 6 LAST\r\nQUIT\r\n", .last = "503 5.5.1" },
  { .name = "demanded: NOOP", .tls = DEMANDED, .afar = true, .offered = true, .input = "NOOP\r\n", .last = "250 2.0.0" },
  { .name = "demanded: QUIT", .tls = DEMANDED, .afar = true, .offered = true, .input = "QUIT\r\n", .last = "221 2.0.0" },
  { .name = "demanded, but not here", .tls = DEMANDED, .offered = true, .input = "MAIL FROM:<a@x.example>\r\n", .last = "250 2.1.0" },
};

static void
in_the_clear(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_test_message("%s", rows[i].name);
    struct line line = line_open(rows[i].tls, rows[i].unix_socket, rows[i].afar);
    line_start(&line);
    say(&line, HELLO);
    g_autofree char *hello = hear(&line, "250 ");
    if (g_str_has_suffix(hello, "\r\n250 STARTTLS\r\n") != rows[i].offered)
      g_error("%s: %s", rows[i].name, hello);
    say(&line, rows[i].input);
    expect(&line, rows[i].last);
    line_close(&line);
  }
}

/* ---- what survives ---- */

/* RFC 3207 4.2: nothing; the client says LHLO again, and is offered TLS no more. */
static void
begins_anew(void)
{
  struct line line = line_open(OFFERED, false, true);
  line_start(&line);
  say(&line, HELLO "XFORWARD NAME=a.example\r\n");
  expect(&line, "250 2.0.0");
  say(&line, "STARTTLS\r\n");
  expect(&line, "220 2.0.0");
  begin_tls(&line, CERT_N);
  say(&line, "MAIL FROM:<a@x.example>\r\n");
  expect(&line, "503 5.5.1 bad sequence of commands: LHLO comes first");
  say(&line, "STARTTLS\r\n");
  expect(&line, "503 5.5.1 bad sequence of commands: STARTTLS inside TLS");
  say(&line, HELLO);
  g_autofree char *hello = hear(&line, "250 ");
  g_assert_null(strstr(hello, "STARTTLS"));
  say(&line, "MAIL FROM:<a@x.example>\r\nRCPT TO:<list@y.example>\r\nDATA\r\n");
  expect(&line, "354 ");
  say(&line, "a\r\n.\r\nQUIT\r\n");
  expect(&line, "221 2.0.0");
  g_assert_cmpstr(line.stub->log->str, ==, "mail(a@x.example) rcpt(list@y.example) begin [a\\r\\n] end reset ");
  line_close(&line);
}

/* What comes in the clear, however late, is no command: it spoils the handshake. */
static void
injected_late(void)
{
  struct line line = line_open(OFFERED, false, true);
  line_start(&line);
  say(&line, UNTIL_TLS);
  expect(&line, "220 2.0.0");
  say(&line, "LHLO x\r\nMAIL FROM:<a@x.example>\r\n");
  g_autofree char *rest = hear(&line, NULL);
  g_assert_null(strstr(rest, "250"));
  line_close(&line);
}

/* Pipelined in one segment: nothing behind STARTTLS is served, in the clear or in TLS, and the connection ends. */
static void
injected(void)
{
  struct line line = line_open(OFFERED, false, true);
  say(&line, UNTIL_TLS "MAIL FROM:<a@x.example>\r\nNOOP\r\n");
  line_start(&line);
  g_autofree char *all = hear(&line, NULL);
  g_assert_true(g_str_has_suffix(all, "\r\n250 STARTTLS\r\n501 5.5.4 syntax error: nothing may follow STARTTLS in the clear\r\n"));
  g_assert_cmpstr(line.stub->log->str, ==, "");
  line_close(&line);
}

/* ---- certificates of clients ---- */

static void
certificate_shown(void)
{
  struct line line = line_open(DEMANDED, false, true);
  line_start(&line);
  say(&line, UNTIL_TLS);
  expect(&line, "220 2.0.0");
  begin_tls(&line, CERT_CLIENT);
  say(&line, HELLO "MAIL FROM:<a@x.example>\r\n");
  expect(&line, "250 2.1.0");
  line_close(&line);
}

/* With TLS 1.3 the client believes itself in: it is told in the first read. */
static void
no_certificate_shown(void)
{
  struct line line = line_open(DEMANDED, false, true);
  line_start(&line);
  say(&line, UNTIL_TLS);
  expect(&line, "220 2.0.0");
  begin_tls(&line, CERT_N);
  g_autofree char *rest = hear(&line, NULL);
  g_assert_cmpstr(rest, ==, "");
  line_close(&line);
}

/* From now on: a session without a certificate finishes its transaction and begins no other. */
static void
demanded_by_a_reload(void)
{
  struct line line = line_open(OFFERED, false, true);
  line_start(&line);
  say(&line, UNTIL_TLS);
  expect(&line, "220 2.0.0");
  begin_tls(&line, CERT_N);
  say(&line, HELLO "MAIL FROM:<a@x.example>\r\n");
  expect(&line, "250 2.1.0");
  tls_holder_set(line.tls, server_context(true));
  say(&line, "RCPT TO:<list@y.example>\r\n");
  expect(&line, "250 2.1.5");
  say(&line, "DATA\r\n");
  expect(&line, "354 ");
  say(&line, "a\r\n.\r\n");
  expect(&line, "250 2.6.0");
  say(&line, "MAIL FROM:<a@x.example>\r\n");
  expect(&line, "450 4.7.0");
  line_close(&line);
}

static void
taken_away_by_a_reload(void)
{
  struct line line = line_open(OFFERED, false, true);
  line_start(&line);
  say(&line, HELLO);
  expect(&line, "250 STARTTLS");
  tls_holder_set(line.tls, NULL);
  say(&line, "STARTTLS\r\n");
  expect(&line, "454 4.7.0");
  line_close(&line);
}

/* ---- the handshake's time ---- */

static void
too_slow(void)
{
  struct line line = line_open(OFFERED, false, true);
  line.stub->options.command_timeout = 200 * 1000;
  say(&line, UNTIL_TLS);
  line_start(&line);
  g_autofree char *all = hear(&line, NULL);
  g_assert_true(g_str_has_suffix(all, "220 2.0.0 begin TLS\r\n"));
  line_close(&line);
}

/* Seen idle, and ended. */
static void
told_to_end(void)
{
  struct line line = line_open(OFFERED, false, true);
  int64_t since;
  line_start(&line);
  say(&line, UNTIL_TLS);
  expect(&line, "220 2.0.0");
  while (!door_session_idle(line.session, &since))
    sched_yield();
  door_session_end(line.session, REPLY_BUSY);
  g_autofree char *rest = hear(&line, NULL);
  g_assert_cmpuint(strlen(rest), <, 8); /* an alert at most */
  line_close(&line);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  certificates_make();
  g_test_add_func("/starttls/in-the-clear", in_the_clear);
  g_test_add_func("/starttls/begins-anew", begins_anew);
  g_test_add_func("/starttls/injected", injected);
  g_test_add_func("/starttls/injected-late", injected_late);
  g_test_add_func("/starttls/certificate/shown", certificate_shown);
  g_test_add_func("/starttls/certificate/not-shown", no_certificate_shown);
  g_test_add_func("/starttls/reload/demanded", demanded_by_a_reload);
  g_test_add_func("/starttls/reload/taken-away", taken_away_by_a_reload);
  g_test_add_func("/starttls/time/too-slow", too_slow);
  g_test_add_func("/starttls/time/told-to-end", told_to_end);
  int rc = g_test_run();
  certificates_remove();
  return rc;
}
