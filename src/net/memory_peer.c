#include "net/memory_peer.h"
#include <errno.h>

static ssize_t
peer_read(void *ctx, char *into, size_t n, int64_t deadline)
{
  struct memory_peer *peer = ctx;
  (void)deadline;
  peer->reads++;
  size_t left = peer->input.n - peer->at;
  if (left == 0 && peer->read_errno != 0) {
    errno = peer->read_errno;
    return -1;
  }
  n = MIN(n, left);
  if (peer->at < peer->split)
    n = MIN(n, peer->split - peer->at);
  if (peer->piece > 0)
    n = MIN(n, peer->piece);
  if (n > 0)
    memcpy(into, peer->input.p + peer->at, n);
  peer->at += n;
  return (ssize_t)n;
}

static ssize_t
peer_writev(void *ctx, const struct iovec *iov, int n, int64_t deadline)
{
  struct memory_peer *peer = ctx;
  (void)deadline;
  peer->writes++;
  if (peer->write_errno != 0) {
    errno = peer->write_errno;
    return -1;
  }
  size_t room = peer->write_piece ? peer->write_piece : SIZE_MAX, done = 0;
  for (int i = 0; i < n && room > 0; i++) {
    size_t take = MIN(iov[i].iov_len, room);
    g_string_append_len(peer->output, iov[i].iov_base, (gssize)take);
    room -= take;
    done += take;
  }
  return (ssize_t)done;
}

static void
peer_close(void *ctx)
{
  struct memory_peer *peer = ctx;
  peer->closed = true;
}

static const struct stream_ops peer_ops = { .read = peer_read, .writev = peer_writev, .close = peer_close };

struct stream *
memory_peer_stream(struct memory_peer *peer)
{
  if (peer->output == NULL)
    peer->output = g_string_new(NULL);
  return stream_new_ops(&peer_ops, peer);
}
