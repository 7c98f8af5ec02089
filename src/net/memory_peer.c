#include "net/memory_peer.h"
#include "net/stream_ops.h"
#include <errno.h>

static ssize_t
failed(int why)
{
  errno = why;
  return -1;
}

static ssize_t
peer_read(void *ctx, char *into, size_t n)
{
  struct memory_peer *peer = ctx;
  peer->reads++;
  if (atomic_load(&peer->shut))
    return 0;
  size_t left = peer->input.n - peer->at;
  if (left == 0 && peer->read_errno != 0)
    return failed(peer->read_errno);
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

/* How many octets the peer takes now. */
static size_t
peer_room(const struct memory_peer *peer)
{
  size_t room = peer->write_piece ? peer->write_piece : SIZE_MAX;
  if (peer->write_errno != 0)
    room = MIN(room, peer->write_most - MIN(peer->write_most, peer->output->len));
  if (peer->window == 0 || peer->at == peer->input.n)
    return room;
  return MIN(room, peer->window - MIN(peer->window, peer->output->len));
}

static ssize_t
peer_writev(void *ctx, const struct iovec *iov, int n)
{
  struct memory_peer *peer = ctx;
  peer->writes++;
  if ((peer->write_errno != 0 && peer->output->len >= peer->write_most) || atomic_load(&peer->shut))
    return failed(peer->write_errno ? peer->write_errno : EPIPE);
  size_t room = peer_room(peer), done = 0;
  if (room == 0)
    return failed(EAGAIN);
  for (int i = 0; i < n && room > 0; i++) {
    size_t take = MIN(iov[i].iov_len, room);
    g_string_append_len(peer->output, iov[i].iov_base, (gssize)take);
    room -= take;
    done += take;
  }
  return (ssize_t)done;
}

static bool
peer_wait(void *ctx, short events, int64_t deadline)
{
  struct memory_peer *peer = ctx;
  (void)deadline;
  peer->waits++;
  bool silent = peer->at == peer->input.n && peer->read_errno == EAGAIN;
  bool readable = (events & POLLIN) != 0 && !silent;
  bool writable = (events & POLLOUT) != 0 && peer_room(peer) > 0;
  if (readable || writable || atomic_load(&peer->shut))
    return true;
  errno = ETIMEDOUT;
  return false;
}

static void
peer_shutdown(void *ctx, int how)
{
  struct memory_peer *peer = ctx;
  if (how == SHUT_RDWR)
    atomic_store(&peer->shut, true);
  else
    peer->ended = true;
}

static bool
peer_is_local(void *ctx)
{
  const struct memory_peer *peer = ctx;
  return peer->local;
}

static void
peer_close(void *ctx)
{
  struct memory_peer *peer = ctx;
  peer->closed = true;
}

static const struct stream_ops peer_ops = {
  .read = peer_read,
  .writev = peer_writev,
  .wait = peer_wait,
  .shutdown = peer_shutdown,
  .is_local = peer_is_local,
  .close = peer_close,
};

struct stream *
memory_peer_stream(struct memory_peer *peer)
{
  if (peer->output == NULL)
    peer->output = g_string_new(NULL);
  return stream_new_on((struct stream_layer){ &peer_ops, peer }, -1);
}
