/* Streams whose two sides both write, and what their layers see of it. */
#include "net/stream.h"
#include "base/clock.h"
#include "base/thread.h"
#include "net/memory_peer.h"
#include "net/stream_pair.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#define BURST (48 * 1024)
#define BURSTS 22
#define MUCH (1024 * 1024)

/* ---- two sides ---- */

static bool
read_exactly(int fd, size_t n)
{
  g_autofree char *into = g_malloc(n);
  ssize_t got = 1;
  for (size_t at = 0; at < n && got > 0; at += (size_t)MAX(got, 0))
    got = read(fd, into, n - at);
  return got > 0;
}

/* A peer that reads nothing before the whole of what it has to say has left. */
static void *
writes_before_it_reads(void *data)
{
  int fd = *(int *)data;
  g_autofree char *octets = g_malloc0(BURST);
  bool ok = true;
  for (int i = 0; i < BURSTS && ok; i++) {
    size_t put = 0;
    for (ssize_t n = 1; put < BURST && n > 0; put += (size_t)MAX(n, 0))
      n = send(fd, octets + put, BURST - put, MSG_NOSIGNAL);
    ok = put == BURST && read_exactly(fd, BURST);
  }
  return ok ? data : NULL;
}

/* Writes its part and takes what came; how much came until the end or a failure. */
static size_t
exchange(struct stream *stream, enum res *res, GError **error)
{
  g_autofree char *octets = g_malloc0(BURST);
  size_t came = 0;
  *res = RES_OK;
  for (int i = 0; i < BURSTS && *res == RES_OK; i++) {
    *res = stream_write(stream, (struct slice){ octets, BURST }, error);
    g_assert_cmpuint(stream_pending(stream).n, <=, STREAM_INPUT_MAX);
    came += stream_pending(stream).n;
    stream_consume(stream, stream_pending(stream).n);
  }
  while (*res == RES_OK && came < BURSTS * BURST) {
    *res = stream_fill(stream, error);
    came += stream_pending(stream).n;
    stream_consume(stream, stream_pending(stream).n);
  }
  return came;
}

static void
both_write(bool duplex)
{
  int other;
  OWN(stream) stream = stream_to(&other);
  g_autoptr(GError) error = NULL;
  pthread_t thread;
  void *ok;
  enum res res;
  stream_duplex(stream, duplex);
  stream_deadline(stream, clock_monotonic() + (duplex ? CLOCK_MINUTE : 50 * 1000));
  g_assert_true(thread_start(&thread, writes_before_it_reads, &other));
  size_t came = exchange(stream, &res, &error);
  if (duplex) {
    g_assert_no_error(error);
    g_assert_cmpuint(came, ==, BURSTS * BURST);
  } else {
    g_assert_cmpint(res, ==, RES_TEMP);
    g_assert_cmpint(error_reply(error, REPLY_OK), ==, REPLY_TIMEOUT);
    stream_shutdown(stream);
  }
  pthread_join(thread, &ok);
  g_assert_true((ok != NULL) == duplex);
  close(other);
}

static void
two_writers(void)
{
  both_write(true);
}

/* The same without duplex does stall: or the test above would show nothing. */
static void
two_writers_stall(void)
{
  both_write(false);
}

/* A peer that has more to say than there is room for before it reads: the buffer stays bounded, and what came is still there. */
static void
input_is_bounded(void)
{
  g_autofree char *octets = g_strnfill(MUCH, 'x');
  struct memory_peer peer = { .input = { octets, MUCH }, .piece = 1000, .window = 10 };
  OWN(stream) stream = memory_peer_stream(&peer);
  g_autoptr(GError) error = NULL;
  stream_duplex(stream, true);
  g_assert_cmpint(stream_write(stream, (struct slice){ octets, MUCH }, &error), ==, RES_TEMP);
  g_assert_cmpint(error_reply(error, REPLY_OK), ==, REPLY_TIMEOUT);
  g_assert_cmpuint(stream_pending(stream).n, ==, STREAM_INPUT_MAX);
  g_assert_cmpint(peer.waits, ==, 1);
  stream_consume(stream, STREAM_INPUT_MAX);
  g_assert_cmpint(stream_fill(stream, NULL), ==, RES_OK);
  g_assert_cmpuint(stream_pending(stream).n, ==, 1000);
  g_string_free(peer.output, TRUE);
}

/* What came in while the output left is what a fill was called for. */
static void
fill_takes_what_came(void)
{
  struct memory_peer peer = { .input = SLICE("250 ok\r\n"), .read_errno = EAGAIN, .window = 4 };
  OWN(stream) stream = memory_peer_stream(&peer);
  g_autoptr(GError) error = NULL;
  stream_duplex(stream, true);
  g_assert_cmpint(stream_write(stream, SLICE("MAIL FROM:<>\r\n"), NULL), ==, RES_OK);
  g_assert_cmpint(stream_fill(stream, NULL), ==, RES_OK);
  g_assert_true(slice_equal(stream_pending(stream), SLICE("250 ok\r\n")));
  g_assert_cmpstr(peer.output->str, ==, "MAIL FROM:<>\r\n");
  g_assert_cmpint(stream_fill(stream, &error), ==, RES_TEMP); /* silence now */
  g_assert_cmpint(error_reply(error, REPLY_OK), ==, REPLY_TIMEOUT);
  g_string_free(peer.output, TRUE);
}

/* A side that is over stays readable for ever: it must not be waited for. */
static void
closed_side_does_not_spin(void)
{
  int other;
  struct stream_spy spy = { .waits = 0 };
  OWN(stream) stream = stream_to(&other);
  g_autoptr(GError) error = NULL;
  g_autofree char *octets = g_malloc0(MUCH);
  stream_spy_upon(&spy, stream);
  stream_duplex(stream, true);
  stream_deadline(stream, clock_monotonic() + 30 * 1000);
  g_assert_cmpint(write(other, "421 bye\r\n", 9), ==, 9);
  g_assert_cmpint(shutdown(other, SHUT_WR), ==, 0);
  g_assert_cmpint(stream_write(stream, (struct slice){ octets, MUCH }, &error), ==, RES_TEMP);
  g_assert_cmpint(error_reply(error, REPLY_OK), ==, REPLY_TIMEOUT);
  g_assert_cmpint(spy.waits, <=, 2);
  g_assert_true(slice_equal(stream_pending(stream), SLICE("421 bye\r\n")));
  close(other);
}

/* ---- the peer's last words ---- */

static void
last_words(bool duplex)
{
  int other;
  OWN(stream) stream = stream_to_tcp(&other);
  g_autoptr(GError) error = NULL;
  stream_duplex(stream, duplex);
  g_assert_cmpint(stream_write(stream, SLICE("DATA\r\n"), NULL), ==, RES_OK);
  g_assert_cmpint(stream_flush(stream, NULL), ==, RES_OK);
  struct pollfd unread = { .fd = other, .events = POLLIN }, reset = { .fd = stream_fd(stream) };
  g_assert_cmpint(poll(&unread, 1, -1), ==, 1);
  g_assert_cmpint(write(other, "552 too large\r\n", 15), ==, 15);
  close(other); /* over unread octets: a reset */
  g_assert_cmpint(poll(&reset, 1, -1), ==, 1);

  g_assert_cmpint(stream_write(stream, SLICE("more"), NULL), ==, RES_OK);
  g_assert_cmpint(stream_flush(stream, &error), ==, RES_TEMP);
  g_assert_cmpint(error_reply(error, REPLY_OK), ==, REPLY_TROUBLE);
  g_assert_cmpint(stream_fill(stream, NULL), ==, RES_OK);
  g_assert_true(slice_equal(stream_pending(stream), SLICE("552 too large\r\n")));
  g_clear_error(&error);
  g_assert_cmpint(stream_fill(stream, &error), ==, RES_TEMP);
  g_assert_cmpint(error_reply(error, REPLY_OK), ==, REPLY_TROUBLE);
  g_assert_true(slice_equal(stream_pending(stream), SLICE("552 too large\r\n")));
}

static void
last_words_after_reset(void)
{
  last_words(false);
  last_words(true);
}

/* ---- many slices ---- */

#define SLICES 300

static void
slices_keep_their_order(void)
{
  static const size_t mouthfuls[] = { 0, 1, 1000, 4097 };
  static const size_t sizes[] = { 1, 0, 300, 7, 0, 1500, 2 };
  for (size_t m = 0; m < G_N_ELEMENTS(mouthfuls); m++) {
    struct memory_peer peer = { .write_piece = mouthfuls[m] };
    OWN(stream) stream = memory_peer_stream(&peer);
    g_autoptr(GString) want = g_string_new("first");
    struct slice slices[SLICES];
    g_autofree char *octets = g_malloc(2048);
    for (size_t i = 0; i < 2048; i++)
      octets[i] = (char)('a' + i % 23);
    for (size_t i = 0; i < SLICES; i++) {
      slices[i] = (struct slice){ octets + i, sizes[i % G_N_ELEMENTS(sizes)] };
      g_string_append_len(want, slices[i].p, (gssize)slices[i].n);
    }
    g_assert_cmpint(stream_write(stream, SLICE("first"), NULL), ==, RES_OK);
    g_assert_cmpint(stream_writev(stream, slices, SLICES, NULL), ==, RES_OK);
    g_assert_cmpint(stream_flush(stream, NULL), ==, RES_OK);
    g_assert_true(g_string_equal(peer.output, want));
    g_string_free(peer.output, TRUE);
  }
}

static void
small_slices_are_gathered(void)
{
  struct memory_peer peer = { 0 };
  OWN(stream) stream = memory_peer_stream(&peer);
  const struct slice slices[] = { SLICE("MAIL FROM:<"), { NULL, 0 }, SLICE(">\r\n") };
  g_assert_cmpint(stream_writev(stream, slices, 3, NULL), ==, RES_OK);
  g_assert_cmpint(stream_writev(stream, NULL, 0, NULL), ==, RES_OK);
  g_assert_cmpint(peer.writes, ==, 0);
  g_assert_cmpint(stream_flush(stream, NULL), ==, RES_OK);
  g_assert_cmpint(peer.writes, ==, 1);
  g_assert_cmpstr(peer.output->str, ==, "MAIL FROM:<>\r\n");
  g_string_free(peer.output, TRUE);
}

static void
large_slices_are_not_copied(void)
{
  struct memory_peer peer = { 0 };
  OWN(stream) stream = memory_peer_stream(&peer);
  g_autofree char *octets = g_malloc0(BURST);
  struct stream_spy spy = { .wanted = octets };
  struct slice slices[SLICES];
  for (size_t i = 0; i < SLICES; i++)
    slices[i] = i == SLICES / 2 ? (struct slice){ octets, BURST } : SLICE("x");
  stream_spy_upon(&spy, stream);
  g_assert_cmpint(stream_writev(stream, slices, SLICES, NULL), ==, RES_OK);
  g_assert_true(spy.seen);
  g_assert_cmpint(spy.most_iov, >, 2);
  g_assert_cmpint(spy.most_iov, <=, 64);
  g_assert_cmpuint(peer.output->len, ==, BURST + SLICES - 1);
  g_string_free(peer.output, TRUE);
}

/* ---- other threads, other addresses ---- */

static void *
fills(void *data)
{
  while (stream_fill(data, NULL) == RES_OK)
    stream_consume(data, stream_pending(data).n);
  return NULL;
}

static void
shutdown_ends_a_read(void)
{
  int other;
  OWN(stream) stream = stream_to(&other);
  pthread_t thread;
  g_assert_true(thread_start(&thread, fills, stream));
  g_assert_cmpint(write(other, "x", 1), ==, 1);
  stream_shutdown(stream);
  pthread_join(thread, NULL);
  close(other);
}

static const struct {
  const char *name;
  int family;
  const char *address;
  bool want;
} places[] = {
  { .name = "loopback", .family = AF_INET, .address = "127.0.0.1", .want = true },
  { .name = "all of 127/8", .family = AF_INET, .address = "127.8.9.10", .want = true },
  { .name = "another machine", .family = AF_INET, .address = "192.0.2.1", .want = false },
  { .name = "IPv6 loopback", .family = AF_INET6, .address = "::1", .want = true },
  { .name = "mapped loopback", .family = AF_INET6, .address = "::ffff:127.0.0.1", .want = true },
  { .name = "mapped other", .family = AF_INET6, .address = "::ffff:192.0.2.127", .want = false },
  { .name = "127 elsewhere in IPv6", .family = AF_INET6, .address = "2001:db8::127.0.0.1", .want = false },
};

/* Datagram sockets have a peer without a peer. */
static void
local_by_address(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(9) };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
    bool v4 = places[i].family == AF_INET;
    g_assert_cmpint(inet_pton(places[i].family, places[i].address, v4 ? (void *)&in.sin_addr : (void *)&in6.sin6_addr), ==, 1);
    int fd = socket(places[i].family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, v4 ? (struct sockaddr *)&in : (struct sockaddr *)&in6, v4 ? sizeof(in) : sizeof(in6)) != 0) {
      g_test_message("%s: no way there from this machine", places[i].name);
      if (fd >= 0)
        close(fd);
      continue;
    }
    OWN(stream) stream = stream_new(fd);
    if (stream_is_local(stream) != places[i].want)
      g_error("%s: is local: %d", places[i].name, !places[i].want);
  }
}

static void
local_without_address(void)
{
  int other;
  struct memory_peer peer = { .local = true };
  OWN(stream) stream = stream_to(&other);
  OWN(stream) memory = memory_peer_stream(&peer);
  OWN(stream) unconnected = stream_new(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  g_assert_true(stream_is_local(stream));
  g_assert_true(stream_is_local(memory));
  g_assert_false(stream_is_local(unconnected));
  close(other);
  g_string_free(peer.output, TRUE);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/stream-duplex/two-writers", two_writers);
  g_test_add_func("/stream-duplex/two-writers-stall", two_writers_stall);
  g_test_add_func("/stream-duplex/input-is-bounded", input_is_bounded);
  g_test_add_func("/stream-duplex/fill-takes-what-came", fill_takes_what_came);
  g_test_add_func("/stream-duplex/closed-side", closed_side_does_not_spin);
  g_test_add_func("/stream-duplex/last-words", last_words_after_reset);
  g_test_add_func("/stream-writev/order", slices_keep_their_order);
  g_test_add_func("/stream-writev/gathered", small_slices_are_gathered);
  g_test_add_func("/stream-writev/not-copied", large_slices_are_not_copied);
  g_test_add_func("/stream-shutdown/read", shutdown_ends_a_read);
  g_test_add_func("/stream-local/by-address", local_by_address);
  g_test_add_func("/stream-local/without-address", local_without_address);
  return g_test_run();
}
