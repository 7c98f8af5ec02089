/* TLS in several threads, and streams that one thread breaks while another waits on them. */
#include "net/tls.h"
#include "base/thread.h"
#include "net/tls_peer.h"
#include <unistd.h>

#define THREADS 8

static void *
reads_to_the_end(void *data)
{
  while (stream_fill(data, NULL) == RES_OK)
    stream_consume(data, stream_pending(data).n);
  return NULL;
}

static void
shutdown_ends_a_read(void)
{
  struct tls_peer peer = { .talk = tls_peer_echo };
  OWN(stream) stream = stream_to_peer(&peer);
  OWN(tls_context) context = context_of_client();
  pthread_t thread;
  g_assert_cmpint(stream_start_tls(stream, context, PEER_NAME, NULL), ==, RES_OK);
  g_assert_cmpint(stream_write(stream, SLICE("x"), NULL), ==, RES_OK);
  g_assert_true(thread_start(&thread, reads_to_the_end, stream));
  stream_shutdown(stream);
  pthread_join(thread, NULL);
  tls_peer_join(&peer);
}

static void *
starts_tls(void *data)
{
  struct stream *stream = data;
  OWN(tls_context) context = context_of_client();
  return stream_start_tls(stream, context, PEER_NAME, NULL) == RES_TEMP ? data : NULL;
}

static void
shutdown_ends_a_handshake(void)
{
  int other;
  OWN(stream) stream = stream_to(&other);
  pthread_t thread;
  void *failed;
  char octet;
  g_assert_true(thread_start(&thread, starts_tls, stream));
  g_assert_cmpint(read(other, &octet, 1), ==, 1); /* of ClientHello */
  stream_shutdown(stream);
  pthread_join(thread, &failed);
  g_assert_nonnull(failed);
  close(other);
}

static void *
speaks(void *data)
{
  struct tls_context *context = data;
  for (int i = 0; i < 4; i++) {
    struct tls_peer peer = { .certificate = i % 2 ? CERT_EXPIRED : CERT_GOOD, .talk = tls_peer_echo };
    OWN(stream) stream = stream_to_peer(&peer);
    g_assert_cmpint(stream_start_tls(stream, context, PEER_NAME, NULL), ==, i % 2 ? RES_BAD : RES_OK);
    if (i % 2 == 0) {
      g_assert_cmpint(stream_write(stream, SLICE("NOOP\r\n"), NULL), ==, RES_OK);
      expect_octets(stream, "NOOP\r\n");
    }
    g_clear_pointer(&stream, stream_free);
    tls_peer_join(&peer);
  }
  return NULL;
}

static void
one_context_for_all(void)
{
  OWN(tls_context) context = context_of_client();
  pthread_t threads[THREADS];
  for (size_t i = 0; i < THREADS; i++)
    g_assert_true(thread_start(&threads[i], speaks, context));
  for (size_t i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  certificates_make();
  g_test_add_func("/tls-threads/shutdown/read", shutdown_ends_a_read);
  g_test_add_func("/tls-threads/shutdown/handshake", shutdown_ends_a_handshake);
  g_test_add_func("/tls-threads/one-context", one_context_for_all);
  int rc = g_test_run();
  certificates_remove();
  return rc;
}
