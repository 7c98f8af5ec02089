/* TLS towards clients: who is let in, and what came before the handshake. The client is tls.h's own. */
#include "base/clock.h"
#include "base/thread.h"
#include "net/tls_holder.h"
#include "net/tls_peer.h"
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#define NONE CERT_N

/* A server in a thread: shakes hands, then says what it hears, until it hears the end. */
struct server {
  struct stream *stream;
  const struct tls_context *context;
  enum res res;
  GError *error;
  char *text;
  bool verified;
  pthread_t thread;
};

static void *
accept_and_echo(void *data)
{
  struct server *server = data;
  server->res = stream_accept_tls(server->stream, server->context, &server->error);
  server->text = g_strdup(stream_tls_text(server->stream));
  server->verified = stream_tls_verified(server->stream);
  while (server->res == RES_OK && stream_fill(server->stream, NULL) == RES_OK) {
    struct slice heard = stream_pending(server->stream);
    if (stream_write(server->stream, heard, NULL) != RES_OK)
      break;
    stream_consume(server->stream, heard.n);
  }
  g_clear_pointer(&server->stream, stream_free);
  return NULL;
}

static struct tls_context *
server_context(enum certificate own, const char *client_ca)
{
  const struct tls_server_options options = { .certificate = certificate_file(own), .key = certificate_key(own), .client_ca = client_ca };
  struct tls_context *context = NULL;
  g_autoptr(GError) error = NULL;
  enum res res = tls_context_new_server(&options, &context, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  g_assert_cmpint(tls_context_asks(context), ==, *client_ca != '\0');
  return context;
}

/* `afar`: the client is on another machine. The client's end is returned. */
static int
server_start(struct server *server, const struct tls_context *context, bool afar)
{
  int fds[2];
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  *server = (struct server){ .context = context, .stream = afar ? stream_from_afar(fds[0]) : stream_new(fds[0]) };
  stream_deadline(server->stream, clock_monotonic() + CLOCK_MINUTE);
  g_assert_true(thread_start(&server->thread, accept_and_echo, server));
  return fds[1];
}

static void
server_join(struct server *server)
{
  pthread_join(server->thread, NULL);
}

static void
server_clear(struct server *server)
{
  g_clear_error(&server->error);
  g_free(server->text);
}

static struct tls_context *
client_context(enum certificate own)
{
  const struct tls_options options = {
    .ca_file = certificate_ca(), .verify = true, .certificate = own == NONE ? "" : certificate_file(own), .key = own == NONE ? "" : certificate_key(own),
  };
  struct tls_context *context = NULL;
  g_assert_cmpint(tls_context_new(&options, &context, NULL), ==, RES_OK);
  return context;
}

/* ---- who is let in ---- */

static const struct {
  const char *name;
  enum certificate client; /* NONE */
  bool afar, asks;
  enum { TRUST_CA, TRUST_ITSELF } trust;
  const char *want;  /* part of the server's error; NULL: let in */
  const char *alert; /* part of the client's */
  const char *text;  /* how the server's text ends */
} rows[] = {
  { .name = "nobody is asked", .client = NONE, .afar = true, .text = " unverified" },
  { .name = "nobody is asked, one shows something", .client = CERT_CLIENT, .afar = true, .text = " unverified" },
  { .name = "a good one", .client = CERT_CLIENT, .afar = true, .asks = true, .text = " verified for client.example.com, issued by CN=Test CA" },
  { .name = "any purpose", .client = CERT_WILDCARD, .afar = true, .asks = true, .text = " verified for *.example.com, issued by CN=Test CA" },
  { .name = "named itself", .client = CERT_SELF_SIGNED, .afar = true, .asks = true, .trust = TRUST_ITSELF, .text = "issued by CN=self" },
  { .name = "none", .client = NONE, .afar = true, .asks = true, .want = "did not return a certificate", .alert = "alert" },
  { .name = "expired", .client = CERT_EXPIRED, .afar = true, .asks = true, .want = "certificate has expired (it is for mail.example.com",
    .alert = "alert certificate expired" },
  { .name = "of a stranger", .client = CERT_STRANGER, .afar = true, .asks = true, .want = "tls_client_ca", .alert = "alert" },
  { .name = "signed by itself", .client = CERT_SELF_SIGNED, .afar = true, .asks = true, .want = "self-signed certificate", .alert = "alert unknown ca" },
  { .name = "who is here is not asked", .client = NONE, .asks = true, .text = " unverified" },
  { .name = "nor looked at", .client = CERT_EXPIRED, .asks = true, .text = " unverified" },
};

static void
check_let_in(size_t row, struct server *server, struct stream *stream)
{
  g_assert_cmpint(stream_write(stream, SLICE("NOOP\r\n"), NULL), ==, RES_OK);
  expect_octets(stream, "NOOP\r\n");
  stream_linger(stream, INT64_MAX);
  server_join(server);
  if (server->res != RES_OK || !g_str_has_suffix(server->text, rows[row].text) || server->verified != (strstr(server->text, " verified ") != NULL))
    g_error("%s: %d, %s, %s", rows[row].name, server->res, server->text, server->error ? server->error->message : "");
}

/* With TLS 1.3 the client is ready before the server has looked at its certificate: the alert is the first that it reads. */
static void
check_refused(size_t row, struct server *server, struct stream *stream, enum res res, GError **error)
{
  if (res == RES_OK && stream_write(stream, SLICE("LHLO x\r\n"), NULL) == RES_OK)
    res = stream_fill(stream, error);
  expect_failure(res, REPLY_TROUBLE, rows[row].alert, error);
  server_join(server);
  if (server->res == RES_OK || strstr(server->error->message, rows[row].want) == NULL)
    g_error("%s: %d, %s", rows[row].name, server->res, server->error ? server->error->message : "");
  g_assert_null(server->text);
  g_assert_false(server->verified);
}

static void
check_row(size_t row)
{
  g_test_message("%s", rows[row].name);
  struct server server;
  OWN(tls_context) client = client_context(rows[row].client);
  const char *trusted = rows[row].trust == TRUST_ITSELF ? certificate_file(rows[row].client) : certificate_ca();
  OWN(tls_context) context = server_context(CERT_GOOD, rows[row].asks ? trusted : "");
  OWN(stream) stream = stream_new(server_start(&server, context, rows[row].afar));
  g_autoptr(GError) error = NULL;
  stream_deadline(stream, clock_monotonic() + CLOCK_MINUTE);
  enum res res = stream_start_tls(stream, client, PEER_NAME, &error);
  if (rows[row].want)
    check_refused(row, &server, stream, res, &error);
  else
    check_let_in(row, &server, stream);
  server_clear(&server);
}

static void
who_is_let_in(void)
{
  for (size_t row = 0; row < G_N_ELEMENTS(rows); row++)
    check_row(row);
}

/* ---- before and in the handshake ---- */

/* RFC 3207 section 6 (CVE-2011-0411): what came in the clear behind STARTTLS is no command inside TLS. */
static void
injection(void)
{
  int fds[2];
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  OWN(stream) stream = stream_new(fds[0]);
  OWN(tls_context) context = server_context(CERT_GOOD, "");
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(write(fds[1], "STARTTLS\r\nMAIL FROM:<>\r\n", 24), ==, 24);
  g_assert_cmpint(stream_fill(stream, NULL), ==, RES_OK);
  stream_consume(stream, 10);
  stream_deadline(stream, clock_monotonic() + 20 * 1000);
  expect_failure(stream_accept_tls(stream, context, &error), REPLY_COUNT, "14 octets", &error);
  g_assert_cmpuint(stream_pending(stream).n, ==, 0);
  g_assert_cmpint(stream_write(stream, SLICE("x"), NULL), ==, RES_TEMP);
  close(fds[1]);
}

static const struct {
  const char *name, *says;
  bool silent;
  enum reply want;
} strangers[] = {
  { .name = "a command", .says = "MAIL FROM:<a@x.example>\r\n", .want = REPLY_TROUBLE },
  { .name = "half a record", .says = "\x16\x03\x01\x7f", .want = REPLY_TROUBLE },
  { .name = "nonsense in a record", .says = "\x16\x03\x01\x01\x04\x01\xff\xff\xff", .want = REPLY_TROUBLE },
  { .name = "closes", .says = "", .want = REPLY_TROUBLE },
  { .name = "silence", .says = "", .silent = true, .want = REPLY_TIMEOUT },
  { .name = "half a record, then silence", .says = "\x16\x03\x01\x7f", .silent = true, .want = REPLY_TIMEOUT },
};

static void
no_tls_there(void)
{
  OWN(tls_context) context = server_context(CERT_GOOD, certificate_ca());
  for (size_t i = 0; i < G_N_ELEMENTS(strangers); i++) {
    int other;
    OWN(stream) stream = stream_to(&other);
    g_autoptr(GError) error = NULL;
    ssize_t n = (ssize_t)strlen(strangers[i].says);
    g_test_message("%s", strangers[i].name);
    g_assert_cmpint(write(other, strangers[i].says, (size_t)n), ==, n);
    if (strangers[i].silent)
      stream_deadline(stream, clock_monotonic() + 20 * 1000);
    else
      g_assert_cmpint(shutdown(other, SHUT_WR), ==, 0);
    expect_failure(stream_accept_tls(stream, context, &error), strangers[i].want, "TLS handshake with the client", &error);
    g_assert_null(stream_tls_text(stream));
    close(other);
  }
}

static void
shutdown_ends_a_handshake(void)
{
  struct server server;
  OWN(tls_context) context = server_context(CERT_GOOD, "");
  int fd = server_start(&server, context, false);
  shutdown(fd, SHUT_WR); /* as door_session_end does at its end */
  server_join(&server);
  expect_failure(server.res, REPLY_TROUBLE, "cut", &server.error);
  server_clear(&server);
  close(fd);
}

/* ---- files ---- */

static const struct {
  const char *name, *certificate, *key, *client_ca, *want;
} bad_options[] = {
  { .name = "no such certificate", .certificate = "none.pem", .key = "good.key", .want = "the tls_certificate" },
  { .name = "no key", .certificate = "good.pem", .want = "good.pem: there is no private key" },
  { .name = "key of another", .certificate = "good.pem", .key = "other.key", .want = "other.key: key values mismatch" },
  { .name = "no such client_ca", .certificate = "good.pem", .key = "good.key", .client_ca = "none.pem", .want = "none.pem: No such file or directory" },
  { .name = "client_ca without a certificate", .certificate = "good.pem", .key = "good.key", .client_ca = "good.key", .want = "the tls_client_ca" },
};

static void
bad_files(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(bad_options); i++) {
    g_autofree char *certificate = certificate_path(bad_options[i].certificate);
    g_autofree char *key = bad_options[i].key ? certificate_path(bad_options[i].key) : g_strdup("");
    g_autofree char *client_ca = bad_options[i].client_ca ? certificate_path(bad_options[i].client_ca) : g_strdup("");
    const struct tls_server_options options = { .certificate = certificate, .key = key, .client_ca = client_ca };
    OWN(tls_context) context = NULL;
    g_autoptr(GError) error = NULL;
    g_test_message("%s", bad_options[i].name);
    expect_failure(tls_context_new_server(&options, &context, &error), REPLY_COUNT, bad_options[i].want, &error);
    g_assert_null(context);
  }
}

/* ---- the context in force ---- */

static atomic_bool enough;

static void *
sets(void *data)
{
  for (int i = 0; i < 8; i++)
    tls_holder_set(data, i % 2 ? NULL : server_context(CERT_GOOD, ""));
  atomic_store(&enough, true);
  return NULL;
}

/* Those who took a context keep it, whatever is put in its place. */
static void
replaced_while_in_use(void)
{
  OWN(tls_holder) holder = tls_holder_new();
  OWN(tls_context) client = client_context(NONE);
  pthread_t thread;
  g_assert_false(tls_holder_has(holder) || tls_holder_has(NULL) || tls_holder_asks(NULL));
  g_assert_null(tls_holder_get(holder));
  g_assert_null(tls_holder_get(NULL));
  tls_holder_set(holder, server_context(CERT_GOOD, certificate_ca()));
  g_assert_true(tls_holder_has(holder) && tls_holder_asks(holder));
  OWN(tls_context) first = tls_holder_get(holder);
  g_assert_true(thread_start(&thread, sets, holder));
  while (!atomic_load(&enough)) {
    OWN(tls_context) context = tls_holder_get(holder);
    struct server server;
    OWN(stream) stream = stream_new(server_start(&server, context ? context : first, false));
    g_assert_cmpint(stream_start_tls(stream, client, PEER_NAME, NULL), ==, RES_OK);
    g_clear_pointer(&stream, stream_free);
    server_join(&server);
    server_clear(&server);
  }
  pthread_join(thread, NULL);
  g_assert_false(tls_holder_has(holder) || tls_holder_asks(holder));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  certificates_make();
  g_test_add_func("/tls-server/bad-files", bad_files); /* first: GLib makes its lock for errors with the first one, and TSan does not see that */
  g_test_add_func("/tls-server/let-in", who_is_let_in);
  g_test_add_func("/tls-server/injection", injection);
  g_test_add_func("/tls-server/no-tls-there", no_tls_there);
  g_test_add_func("/tls-server/shutdown", shutdown_ends_a_handshake);
  g_test_add_func("/tls-server/replaced", replaced_while_in_use);
  int rc = g_test_run();
  certificates_remove();
  return rc;
}
