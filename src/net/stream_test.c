#include "net/stream.h"
#include "base/clock.h"
#include "net/memory_peer.h"
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static struct stream *
socket_stream(int *other)
{
  int fds[2];
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  *other = fds[1];
  return stream_new(fds[0]);
}

static void
socket_both_ways(void)
{
  int other;
  OWN(stream) stream = socket_stream(&other);
  char got[16] = "";
  g_assert_cmpint(write(other, "LHLO a\r\n", 8), ==, 8);
  g_assert_cmpint(stream_fill(stream, NULL), ==, RES_OK);
  g_assert_true(slice_equal(stream_pending(stream), SLICE("LHLO a\r\n")));
  stream_consume(stream, 5);
  g_assert_true(slice_equal(stream_pending(stream), SLICE("a\r\n")));

  g_assert_cmpint(stream_write(stream, SLICE("250 "), NULL), ==, RES_OK);
  g_assert_cmpint(stream_write(stream, SLICE("ok"), NULL), ==, RES_OK);
  g_assert_cmpint(recv(other, got, sizeof(got), MSG_DONTWAIT), ==, -1);
  g_assert_cmpint(stream_flush(stream, NULL), ==, RES_OK);
  g_assert_cmpint(recv(other, got, sizeof(got), MSG_DONTWAIT), ==, 6);
  g_assert_cmpstr(got, ==, "250 ok");

  close(other);
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(stream_fill(stream, &error), ==, RES_MORE);
  g_assert_no_error(error);
  g_assert_true(slice_equal(stream_pending(stream), SLICE("a\r\n")));
}

static void
socket_deadline(void)
{
  int other;
  OWN(stream) stream = socket_stream(&other);
  g_autoptr(GError) error = NULL;
  stream_deadline(stream, clock_monotonic() + 20 * 1000);
  g_assert_cmpint(stream_fill(stream, &error), ==, RES_TEMP);
  g_assert_cmpint(error_reply(error, REPLY_OK), ==, REPLY_TIMEOUT);

  /* data that is there does not help a session whose time is over */
  g_clear_error(&error);
  g_assert_cmpint(write(other, "x", 1), ==, 1);
  g_assert_cmpint(stream_fill(stream, &error), ==, RES_TEMP);
  g_assert_cmpint(error_reply(error, REPLY_OK), ==, REPLY_TIMEOUT);

  /* a late read does not stop the last words */
  stream_deadline(stream, INT64_MAX);
  g_assert_cmpint(stream_write(stream, SLICE("421 "), NULL), ==, RES_OK);
  g_assert_cmpint(stream_flush(stream, NULL), ==, RES_OK);
  g_assert_cmpint(stream_fill(stream, NULL), ==, RES_OK);
  close(other);
}

/* A peer that reads nothing: the write runs into its deadline, and nothing is written after what was cut. */
static void
socket_write_deadline(void)
{
  int other;
  OWN(stream) stream = socket_stream(&other);
  g_autoptr(GError) error = NULL;
  g_autofree char *much = g_malloc0(8 * 1024 * 1024);
  stream_deadline(stream, clock_monotonic() + 20 * 1000);
  g_assert_cmpint(stream_write(stream, (struct slice){ much, 8 * 1024 * 1024 }, &error), ==, RES_TEMP);
  g_assert_cmpint(error_reply(error, REPLY_OK), ==, REPLY_TIMEOUT);
  stream_deadline(stream, INT64_MAX);
  g_assert_cmpint(stream_write(stream, SLICE("x"), NULL), ==, RES_TEMP);
  g_assert_cmpint(stream_flush(stream, NULL), ==, RES_TEMP);
  g_assert_cmpint(stream_fill(stream, NULL), ==, RES_TEMP);
  close(other);
}

static void
socket_peer_gone(void)
{
  int other;
  OWN(stream) stream = socket_stream(&other);
  g_autoptr(GError) error = NULL;
  close(other);
  g_assert_cmpint(stream_write(stream, SLICE("250 ok\r\n"), NULL), ==, RES_OK);
  g_assert_cmpint(stream_flush(stream, &error), ==, RES_TEMP); /* and no SIGPIPE */
  g_assert_cmpint(error_reply(error, REPLY_OK), ==, REPLY_TROUBLE);
}

static void
fill_flushes_in_one_write(void)
{
  struct memory_peer peer = { .input = SLICE("QUIT\r\n") };
  OWN(stream) stream = memory_peer_stream(&peer);
  for (int i = 0; i < 100; i++)
    g_assert_cmpint(stream_write(stream, SLICE("250 2.1.5 recipient ok\r\n"), NULL), ==, RES_OK);
  g_assert_cmpint(peer.writes, ==, 0);
  g_assert_cmpint(stream_fill(stream, NULL), ==, RES_OK);
  g_assert_cmpint(peer.writes, ==, 1);
  g_assert_cmpuint(peer.output->len, ==, 100 * 24);
  g_string_free(peer.output, TRUE);
}

static void
input_is_bounded(void)
{
  g_autofree char *much = g_malloc0(STREAM_INPUT_MAX + 100);
  struct memory_peer peer = { .input = { much, STREAM_INPUT_MAX + 100 } };
  OWN(stream) stream = memory_peer_stream(&peer);
  g_autoptr(GError) error = NULL;
  while (stream_pending(stream).n < STREAM_INPUT_MAX)
    g_assert_cmpint(stream_fill(stream, NULL), ==, RES_OK);
  g_assert_cmpuint(stream_pending(stream).n, ==, STREAM_INPUT_MAX);
  g_assert_cmpint(stream_fill(stream, &error), ==, RES_BAD);
  stream_consume(stream, 1);
  g_assert_cmpint(stream_fill(stream, NULL), ==, RES_OK);
  stream_consume(stream, STREAM_INPUT_MAX);
  g_assert_cmpint(stream_fill(stream, NULL), ==, RES_OK);
  g_assert_cmpuint(stream_pending(stream).n, ==, 99);
  stream_consume(stream, 99);
  g_assert_cmpint(stream_fill(stream, NULL), ==, RES_MORE);
  g_string_free(peer.output, TRUE);
}

/* Whatever the sizes of the parts and of the peer's mouthfuls, what comes out is what went in. */
static void
output_keeps_its_order(void)
{
  static const size_t sizes[] = { 1, 7, 40000, 3, 30000, 30000, 30000, 5, 70000, 65536, 2, 100 };
  static const size_t mouthfuls[] = { 0, 1000, 32768, 65537 };
  for (size_t m = 0; m < G_N_ELEMENTS(mouthfuls); m++) {
    struct memory_peer peer = { .write_piece = mouthfuls[m] };
    OWN(stream) stream = memory_peer_stream(&peer);
    g_autoptr(GString) want = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
      g_autofree char *part = g_malloc(sizes[i]);
      for (size_t j = 0; j < sizes[i]; j++)
        part[j] = (char)('a' + (i * 7 + j) % 23);
      g_string_append_len(want, part, (gssize)sizes[i]);
      g_assert_cmpint(stream_write(stream, (struct slice){ part, sizes[i] }, NULL), ==, RES_OK);
    }
    g_assert_cmpint(stream_flush(stream, NULL), ==, RES_OK);
    g_assert_true(g_string_equal(peer.output, want));
    g_string_free(peer.output, TRUE);
  }
}

static void
large_slices_leave_with_what_was_gathered(void)
{
  g_autofree char *large = g_malloc0(STREAM_OUTPUT_MAX);
  struct memory_peer peer = { 0 };
  OWN(stream) stream = memory_peer_stream(&peer);
  g_assert_cmpint(stream_write(stream, SLICE("MAIL FROM:<>\r\nDATA\r\n"), NULL), ==, RES_OK);
  g_assert_cmpint(stream_write(stream, (struct slice){ large, STREAM_OUTPUT_MAX }, NULL), ==, RES_OK);
  g_assert_cmpint(peer.writes, ==, 1);
  g_assert_cmpuint(peer.output->len, ==, STREAM_OUTPUT_MAX + 20);
  g_string_free(peer.output, TRUE);
}

static void
failures_of_ops(void)
{
  struct memory_peer peer = { .read_errno = ECONNRESET };
  OWN(stream) stream = memory_peer_stream(&peer);
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(stream_fill(stream, &error), ==, RES_TEMP);
  g_assert_cmpint(error_reply(error, REPLY_OK), ==, REPLY_TROUBLE);
  g_assert_cmpint(stream_fd(stream), ==, -1);
  g_clear_pointer(&stream, stream_free);
  g_assert_true(peer.closed);
  g_string_free(peer.output, TRUE);
}

/* What was given but not flushed has not left, nor has what a failed write did not take. */
static void
octets_that_have_left(void)
{
  struct memory_peer peer = { .write_errno = EPIPE, .write_most = 7, .write_piece = 2 };
  OWN(stream) stream = memory_peer_stream(&peer);
  const struct slice slices[] = { SLICE("34"), SLICE("5678") };
  g_assert_cmpint(stream_write(stream, SLICE("12"), NULL), ==, RES_OK);
  g_assert_cmpuint(stream_octets(stream).given, ==, 2);
  g_assert_cmpuint(stream_octets(stream).left, ==, 0);
  g_assert_cmpint(stream_flush(stream, NULL), ==, RES_OK);
  g_assert_cmpuint(stream_octets(stream).left, ==, 2);
  g_assert_cmpint(stream_writev(stream, slices, 2, NULL), ==, RES_OK);
  g_assert_cmpuint(stream_octets(stream).given, ==, 8);
  g_assert_cmpint(stream_flush(stream, NULL), ==, RES_TEMP);
  g_assert_cmpuint(stream_octets(stream).left, ==, 7);
  g_assert_cmpstr(peer.output->str, ==, "1234567");
  g_string_free(peer.output, TRUE);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/stream/socket/both-ways", socket_both_ways);
  g_test_add_func("/stream/socket/deadline", socket_deadline);
  g_test_add_func("/stream/socket/write-deadline", socket_write_deadline);
  g_test_add_func("/stream/socket/peer-gone", socket_peer_gone);
  g_test_add_func("/stream/fill-flushes-in-one-write", fill_flushes_in_one_write);
  g_test_add_func("/stream/input-is-bounded", input_is_bounded);
  g_test_add_func("/stream/output-keeps-its-order", output_keeps_its_order);
  g_test_add_func("/stream/large-slices", large_slices_leave_with_what_was_gathered);
  g_test_add_func("/stream/octets-that-have-left", octets_that_have_left);
  g_test_add_func("/stream/failures", failures_of_ops);
  return g_test_run();
}
