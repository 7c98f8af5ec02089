#include "net/tls.h"
#include "base/clock.h"
#include "net/memory_peer.h"
#include "net/stream_pair.h"
#include "net/tls_peer.h"
#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#define BURST (48 * 1024)
#define BURSTS 22

static void
start_tls(struct stream *stream)
{
  OWN(tls_context) context = context_of_client(); /* the stream keeps it */
  g_autoptr(GError) error = NULL;
  g_assert_null(stream_tls_text(stream));
  g_assert_cmpint(stream_start_tls(stream, context, PEER_NAME, &error), ==, RES_OK);
  g_assert_no_error(error);
  g_assert_nonnull(stream_tls_text(stream));
}

/* ---- what the peers do ---- */

/* Says something in the clear sense of TLS and cuts. */
static void
say_and_cut(SSL *ssl, int fd)
{
  (void)fd;
  g_assert_cmpint(SSL_write(ssl, "250 ok\r\n", 8), ==, 8);
}

static void
say_and_end(SSL *ssl, int fd)
{
  say_and_cut(ssl, fd);
  (void)SSL_shutdown(ssl);
}

/* Waits for something, leaves it unread, and goes. */
static void
say_over_unread(SSL *ssl, int fd)
{
  struct pollfd unread = { .fd = fd, .events = POLLIN };
  g_assert_cmpint(poll(&unread, 1, -1), ==, 1);
  say_and_cut(ssl, fd);
}

/* Ends, but goes on listening. */
static void
end_and_listen(SSL *ssl, int fd)
{
  char octets[4096];
  (void)fd;
  (void)SSL_shutdown(ssl);
  while (SSL_read(ssl, octets, sizeof(octets)) > 0)
    continue;
}

static atomic_bool heard_end;

/* Notes whether the client ended TLS or only the connection. */
static void
listen_for_end(SSL *ssl, int fd)
{
  char octets[4096];
  int n = 1;
  (void)fd;
  while (n > 0)
    n = SSL_read(ssl, octets, sizeof(octets));
  atomic_store(&heard_end, SSL_get_error(ssl, n) == SSL_ERROR_ZERO_RETURN);
}

static void
say_server_name(SSL *ssl, int fd)
{
  const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  g_autofree char *text = g_strdup_printf("<%s>", name ? name : "");
  (void)fd;
  g_assert_cmpint(SSL_write(ssl, text, (int)strlen(text)), >, 0);
}

#define PIECE 200
#define PIECES 200

/* How many records PIECES * PIECE octets came in. */
static void
count_records(SSL *ssl, int fd)
{
  char octets[20000];
  int records = 0;
  (void)fd;
  for (int came = 0, n = 1; came < PIECE * PIECES && n > 0; records++, came += n)
    n = SSL_read(ssl, octets, sizeof(octets));
  g_assert_cmpint(SSL_write(ssl, &records, sizeof(records)), ==, sizeof(records));
}

/* Reads nothing before the whole of what it has to say has left; new keys each time where the version has that. */
static void
write_before_reading(SSL *ssl, int fd)
{
  g_autofree char *octets = g_strnfill(BURST, 'x');
  (void)fd;
  for (int i = 0; i < BURSTS; i++) {
    if (SSL_version(ssl) == TLS1_3_VERSION)
      g_assert_cmpint(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), ==, 1);
    if (SSL_write(ssl, octets, BURST) != BURST)
      return;
    for (int at = 0, n = 1; at < BURST; at += n) {
      n = SSL_read(ssl, octets + at, BURST - at);
      if (n <= 0)
        return;
    }
  }
  (void)SSL_shutdown(ssl);
}

/* ---- before and in the handshake ---- */

/* RFC 3207 section 6: what came in the clear behind the answer to STARTTLS is not taken for an answer inside TLS. */
static void
injection(void)
{
  int other;
  OWN(stream) stream = stream_to(&other);
  OWN(tls_context) context = context_of_client();
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(write(other, "220 go\r\n250 AUTH PLAIN\r\n", 24), ==, 24);
  g_assert_cmpint(stream_fill(stream, NULL), ==, RES_OK);
  stream_consume(stream, 8);
  enum res res = stream_start_tls(stream, context, PEER_NAME, &error);
  expect_failure(res, REPLY_COUNT, "16 octets", &error);
  g_assert_cmpuint(stream_pending(stream).n, ==, 0);
  g_assert_cmpint(stream_fill(stream, NULL), ==, RES_TEMP);
  g_assert_cmpint(stream_write(stream, SLICE("x"), NULL), ==, RES_TEMP);
  close(other);
}

static const struct {
  const char *name;
  const char *says; /* NULL: it closes at once */
  bool silent;
  enum reply want;
} strangers[] = {
  { .name = "an SMTP reply", .says = "220 mail.example.com ESMTP\r\n", .want = REPLY_TROUBLE },
  { .name = "half a record", .says = "\x16\x03\x03\x7f", .want = REPLY_TROUBLE },
  { .name = "nonsense in a record", .says = "\x16\x03\x03\x01\x04\x02\xff\xff\xff", .want = REPLY_TROUBLE },
  { .name = "closes", .says = "", .want = REPLY_TROUBLE },
  { .name = "silence", .says = "", .silent = true, .want = REPLY_TIMEOUT },
  { .name = "half a record, then silence", .says = "\x16\x03\x03\x7f", .silent = true, .want = REPLY_TIMEOUT },
};

static void
no_tls_there(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(strangers); i++) {
    int other;
    OWN(stream) stream = stream_to(&other);
    OWN(tls_context) context = context_of_client();
    g_autoptr(GError) error = NULL;
    ssize_t n = (ssize_t)strlen(strangers[i].says);
    g_assert_cmpint(write(other, strangers[i].says, (size_t)n), ==, n);
    if (strangers[i].silent)
      stream_deadline(stream, clock_monotonic() + 20 * 1000);
    else
      g_assert_cmpint(shutdown(other, SHUT_WR), ==, 0);
    g_test_message("%s", strangers[i].name);
    expect_failure(stream_start_tls(stream, context, PEER_NAME, &error), strangers[i].want, "TLS handshake", &error);
    g_test_message("%s", error->message);
    g_assert_null(stream_tls_text(stream));
    close(other);
  }
}

/* A stream without a descriptor has TLS as well. */
static void
peer_in_memory(void)
{
  struct memory_peer peer = { .input = SLICE("\x15\x03\x03\x00\x02\x02\x28"), .piece = 1 }; /* alert: handshake_failure */
  OWN(stream) stream = memory_peer_stream(&peer);
  OWN(tls_context) context = context_of_client();
  g_autoptr(GError) error = NULL;
  expect_failure(stream_start_tls(stream, context, PEER_NAME, &error), REPLY_TROUBLE, "alert handshake failure", &error);
  g_assert_cmpint(peer.output->str[0], ==, 0x16);
  g_string_free(peer.output, TRUE);
}

/* The deadline is looked at first, however much the peer has sent. */
static void
late_handshake(void)
{
  struct memory_peer peer = { .input = SLICE("\x15\x03\x03\x00\x02\x02\x28") };
  OWN(stream) stream = memory_peer_stream(&peer);
  OWN(tls_context) context = context_of_client();
  g_autoptr(GError) error = NULL;
  stream_deadline(stream, clock_monotonic() - 1);
  expect_failure(stream_start_tls(stream, context, PEER_NAME, &error), REPLY_TIMEOUT, "too slow", &error);
  g_assert_cmpint(peer.reads, ==, 0);
  g_string_free(peer.output, TRUE);
}

/* RFC 6066 section 3: a name without the last dot, and no addresses. */
static void
server_name(void)
{
  static const char *const names[][2] = { { PEER_NAME, "<" PEER_NAME ">" }, { PEER_NAME ".", "<" PEER_NAME ">" }, { "192.0.2.25", "<>" },
                                          { "2001:db8::25", "<>" } };
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
    struct tls_peer peer = { .talk = say_server_name };
    OWN(stream) stream = stream_to_peer(&peer);
    OWN(tls_context) context = context_of_client();
    g_assert_cmpint(stream_start_tls(stream, context, names[i][0], NULL), ==, RES_OK);
    expect_octets(stream, names[i][1]);
    tls_peer_join(&peer);
  }
}

/* ---- after the handshake ---- */

static void
ends(void (*talk)(SSL *, int), enum res want)
{
  struct tls_peer peer = { .talk = talk };
  OWN(stream) stream = stream_to_peer(&peer);
  g_autoptr(GError) error = NULL;
  start_tls(stream);
  expect_octets(stream, "250 ok\r\n");
  enum res res = stream_fill(stream, &error);
  g_assert_cmpint(res, ==, want);
  if (want == RES_TEMP)
    expect_failure(res, REPLY_TROUBLE, "TLS: the connection was cut", &error);
  g_clear_pointer(&stream, stream_free);
  tls_peer_join(&peer);
}

static void
ended_or_cut(void)
{
  ends(say_and_end, RES_MORE);
  ends(say_and_cut, RES_TEMP);
}

static void
frees_with_an_end(void)
{
  struct tls_peer peer = { .talk = listen_for_end };
  OWN(stream) stream = stream_to_peer(&peer);
  start_tls(stream);
  g_clear_pointer(&stream, stream_free);
  tls_peer_join(&peer);
  g_assert_true(atomic_exchange(&heard_end, false));
}

static void
lingers_with_an_end(void)
{
  struct tls_peer peer = { .talk = listen_for_end };
  OWN(stream) stream = stream_to_peer(&peer);
  start_tls(stream);
  stream_linger(stream, INT64_MAX); /* until the peer, told that nothing more comes, closes */
  tls_peer_join(&peer);
  g_assert_true(atomic_exchange(&heard_end, false));
}

/* Small slices share records. */
static void
records_are_filled(void)
{
  struct tls_peer peer = { .talk = count_records };
  OWN(stream) stream = stream_to_peer(&peer);
  g_autofree char *octets = g_strnfill(PIECE, 'x');
  struct slice slices[PIECES];
  int records = 0;
  for (size_t i = 0; i < PIECES; i++)
    slices[i] = (struct slice){ octets, PIECE };
  start_tls(stream);
  g_assert_cmpint(stream_writev(stream, slices, PIECES, NULL), ==, RES_OK);
  g_assert_cmpint(stream_fill(stream, NULL), ==, RES_OK);
  g_assert_cmpuint(stream_pending(stream).n, ==, sizeof(records));
  memcpy(&records, stream_pending(stream).p, sizeof(records));
  g_assert_cmpint(records, >, 0);
  g_assert_cmpint(records, <=, 5);
  tls_peer_join(&peer);
}

/* The peer's end is not ours: writes go on, and do not wait for what cannot come. */
static void
half_closed(void)
{
  struct tls_peer peer = { .talk = end_and_listen };
  OWN(stream) stream = stream_to_peer(&peer);
  g_autofree char *octets = g_strnfill(BURST, 'x');
  start_tls(stream);
  stream_duplex(stream, true);
  g_assert_cmpint(stream_fill(stream, NULL), ==, RES_MORE);
  for (int i = 0; i < BURSTS; i++)
    g_assert_cmpint(stream_write(stream, (struct slice){ octets, BURST }, NULL), ==, RES_OK);
  g_assert_cmpint(stream_fill(stream, NULL), ==, RES_MORE);
  g_clear_pointer(&stream, stream_free);
  tls_peer_join(&peer);
}

/* One octet at a time in both directions, and every other call has to wait. */
struct trickle {
  struct stream_layer below;
  unsigned int reads, writes;
};

static ssize_t
trickle_read(void *ctx, char *into, size_t n)
{
  struct trickle *trickle = ctx;
  errno = EAGAIN;
  return trickle->reads++ % 2 == 0 ? -1 : trickle->below.ops->read(trickle->below.ctx, into, MIN(n, 1));
}

static ssize_t
trickle_writev(void *ctx, const struct iovec *iov, int n)
{
  struct trickle *trickle = ctx;
  struct iovec one = { iov[0].iov_base, 1 };
  (void)n;
  errno = EAGAIN;
  return trickle->writes++ % 2 == 0 ? -1 : trickle->below.ops->writev(trickle->below.ctx, &one, 1);
}

/* The layer's own refusals are over at once; it waits for the socket where that had refused. */
static bool
trickle_wait(void *ctx, short events, int64_t deadline)
{
  struct trickle *trickle = ctx;
  bool own = ((events & POLLIN) && trickle->reads % 2 == 1) || ((events & POLLOUT) && trickle->writes % 2 == 1);
  return own || trickle->below.ops->wait(trickle->below.ctx, events, deadline);
}

static void
trickle_close(void *ctx)
{
  struct trickle *trickle = ctx;
  trickle->below.ops->close(trickle->below.ctx);
}

static const struct stream_ops trickle_ops = { .read = trickle_read, .writev = trickle_writev, .wait = trickle_wait, .close = trickle_close };

static void
octet_by_octet(void)
{
  for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
    for (int duplex = 0; duplex < 2; duplex++) {
      struct tls_peer peer = { .version = version, .talk = tls_peer_echo };
      OWN(stream) stream = stream_to_peer(&peer);
      struct trickle trickle = { .below = stream_top(stream) };
      stream_push(stream, (struct stream_layer){ &trickle_ops, &trickle });
      stream_duplex(stream, duplex);
      start_tls(stream);
      size_t n = duplex ? 20000 : 1000; /* the echo of more would stall without duplex */
      g_autofree char *octets = g_strnfill(n, 'x');
      const struct slice slices[] = { SLICE("MAIL FROM:<"), { octets, n }, { NULL, 0 }, SLICE(">\r\n") };
      g_autofree char *want = g_strconcat("MAIL FROM:<", octets, ">\r\n", NULL);
      g_assert_cmpint(stream_writev(stream, slices, G_N_ELEMENTS(slices), NULL), ==, RES_OK);
      expect_octets(stream, want);
      g_clear_pointer(&stream, stream_free);
      tls_peer_join(&peer);
    }
}

static size_t
take_pending(struct stream *stream)
{
  size_t n = stream_pending(stream).n;
  g_assert_cmpuint(n, <=, STREAM_INPUT_MAX);
  for (size_t i = 0; i < n; i++)
    g_assert_cmpint(stream_pending(stream).p[i], ==, 'x');
  stream_consume(stream, n);
  return n;
}

/* Both sides write much and read late. */
static void
both_write(int version)
{
  struct tls_peer peer = { .version = version, .talk = write_before_reading };
  OWN(stream) stream = stream_to_peer(&peer);
  g_autoptr(GError) error = NULL;
  g_autofree char *octets = g_strnfill(BURST, 'x');
  struct slice slices[] = { { octets, 1000 }, { octets, 20000 }, { octets, 1 }, { octets, BURST - 21001 } };
  size_t came = 0;
  start_tls(stream);
  stream_duplex(stream, true);
  for (int i = 0; i < BURSTS; i++) {
    g_assert_cmpint(stream_writev(stream, slices, G_N_ELEMENTS(slices), &error), ==, RES_OK);
    came += take_pending(stream);
  }
  for (enum res res = RES_OK; res == RES_OK; came += take_pending(stream))
    res = stream_fill(stream, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(came, ==, BURSTS * BURST);
  g_clear_pointer(&stream, stream_free);
  tls_peer_join(&peer);
}

static void
two_writers(void)
{
  both_write(TLS1_2_VERSION);
  both_write(TLS1_3_VERSION);
}

/* What a server says before it resets the connection can be read after a write has failed (and that raises no SIGPIPE). */
static void
last_words(void)
{
  int other;
  struct tls_peer peer = { .talk = say_over_unread };
  OWN(stream) stream = stream_to_tcp(&other);
  g_autoptr(GError) error = NULL;
  tls_peer_start(&peer, other);
  start_tls(stream);
  g_assert_cmpint(stream_write(stream, SLICE("DATA\r\n"), NULL), ==, RES_OK);
  g_assert_cmpint(stream_flush(stream, NULL), ==, RES_OK);
  tls_peer_join(&peer);
  struct pollfd reset = { .fd = stream_fd(stream) };
  g_assert_cmpint(poll(&reset, 1, -1), ==, 1);

  for (int i = 0; i < 2; i++) {
    g_clear_error(&error);
    g_assert_cmpint(stream_write(stream, SLICE("more"), NULL), ==, i == 0 ? RES_OK : RES_TEMP);
    expect_failure(stream_flush(stream, &error), REPLY_TROUBLE, i == 0 ? "write: Connection reset" : "failed before", &error);
  }
  expect_octets(stream, "250 ok\r\n");
  g_clear_error(&error);
  expect_failure(stream_fill(stream, &error), REPLY_TROUBLE, "", &error);
}

/* Hears nothing after the handshake but the client's going away. */
static void
wait_for_end(SSL *ssl, int fd)
{
  char octet;
  (void)ssl;
  while (read(fd, &octet, 1) > 0)
    continue;
}

/* The start of a record (RFC 8446 5.1), and no more. */
static void
stall_in_record(SSL *ssl, int fd)
{
  g_assert_cmpint(write(fd, "\x17\x03\x03\x01\x00octets", 11), ==, 11);
  wait_for_end(ssl, fd);
}

/* Writes without ever reading. */
static void
write_only(SSL *ssl, int fd)
{
  g_autofree char *octets = g_strnfill(BURST, 'x');
  while (SSL_write(ssl, octets, BURST) > 0)
    continue;
  (void)fd;
}

/* The deadline ends the wait for the rest of a record. */
static void
stalls_in_a_record(void)
{
  for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
    struct tls_peer peer = { .version = version, .talk = stall_in_record };
    OWN(stream) stream = stream_to_peer(&peer);
    g_autoptr(GError) error = NULL;
    start_tls(stream);
    stream_deadline(stream, clock_monotonic() + 50 * 1000);
    expect_failure(stream_fill(stream, &error), REPLY_TIMEOUT, "too slow", &error);
    g_assert_cmpuint(stream_pending(stream).n, ==, 0);
    g_clear_pointer(&stream, stream_free);
    tls_peer_join(&peer);
  }
}

/* A peer that only writes: the input stays bounded, then only the write is waited for, and not by asking again and again. */
static void
input_is_bounded(void)
{
  struct tls_peer peer = { .talk = write_only };
  OWN(stream) stream = stream_to_peer(&peer);
  struct stream_spy spy = { .waits = 0 };
  g_autoptr(GError) error = NULL;
  g_autofree char *octets = g_strnfill(BURST, 'x');
  enum res res = RES_OK;
  stream_spy_upon(&spy, stream);
  start_tls(stream);
  stream_duplex(stream, true);
  while (stream_pending(stream).n < STREAM_INPUT_MAX)
    g_assert_cmpint(stream_fill(stream, NULL), ==, RES_OK);
  spy.waits = 0;
  stream_deadline(stream, clock_monotonic() + 50 * 1000);
  for (int i = 0; i < BURSTS && res == RES_OK; i++)
    res = stream_write(stream, (struct slice){ octets, BURST }, &error);
  expect_failure(res, REPLY_TIMEOUT, "too slow", &error);
  g_assert_cmpuint(stream_pending(stream).n, ==, STREAM_INPUT_MAX);
  g_assert_cmpint(spy.waits, ==, 1);
  g_clear_pointer(&stream, stream_free);
  tls_peer_join(&peer);
}

static void
late_write(void)
{
  struct tls_peer peer = { .talk = tls_peer_echo };
  OWN(stream) stream = stream_to_peer(&peer);
  g_autoptr(GError) error = NULL;
  start_tls(stream);
  stream_deadline(stream, clock_monotonic() - 1);
  g_assert_cmpint(stream_write(stream, SLICE("x"), NULL), ==, RES_OK);
  expect_failure(stream_flush(stream, &error), REPLY_TIMEOUT, "too slow", &error);
  g_clear_pointer(&stream, stream_free);
  tls_peer_join(&peer);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  certificates_make();
  g_test_add_func("/tls/injection", injection);
  g_test_add_func("/tls/no-tls-there", no_tls_there);
  g_test_add_func("/tls/memory", peer_in_memory);
  g_test_add_func("/tls/ended-or-cut", ended_or_cut);
  g_test_add_func("/tls/late-handshake", late_handshake);
  g_test_add_func("/tls/server-name", server_name);
  g_test_add_func("/tls/records", records_are_filled);
  g_test_add_func("/tls/half-closed", half_closed);
  g_test_add_func("/tls/octet-by-octet", octet_by_octet);
  g_test_add_func("/tls/two-writers", two_writers);
  g_test_add_func("/tls/last-words", last_words);
  g_test_add_func("/tls/late-write", late_write);
  g_test_add_func("/tls/stalls-in-a-record", stalls_in_a_record);
  g_test_add_func("/tls/input-is-bounded", input_is_bounded);
  g_test_add_func("/tls/end/free", frees_with_an_end);
  g_test_add_func("/tls/end/linger", lingers_with_an_end);
  int rc = g_test_run();
  certificates_remove();
  return rc;
}
