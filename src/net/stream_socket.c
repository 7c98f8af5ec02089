#include "net/stream_ops.h"
#include "base/clock.h"
#include "base/in_hand.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

struct socket_ctx {
  int fd;
};

static ssize_t
socket_read(void *ctx, char *into, size_t n)
{
  const struct socket_ctx *s = ctx;
  ssize_t got;
  do
    got = recv(s->fd, into, n, 0);
  while (got < 0 && errno == EINTR);
  return got;
}

/* sendmsg and not writev: a peer that went away must not raise SIGPIPE. */
static ssize_t
socket_writev(void *ctx, const struct iovec *iov, int n)
{
  const struct socket_ctx *s = ctx;
  struct msghdr message = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n };
  ssize_t put;
  do
    put = sendmsg(s->fd, &message, MSG_NOSIGNAL);
  while (put < 0 && errno == EINTR);
  return put;
}

static bool
wait_until(int fd, short events, int64_t deadline)
{
  for (;;) {
    int64_t left = deadline - clock_monotonic();
    if (left <= 0) {
      errno = ETIMEDOUT;
      return false;
    }
    int ms = left / 1000 >= INT_MAX ? INT_MAX : (int)(left / 1000) + 1;
    struct pollfd p = { .fd = fd, .events = events };
    int n = poll(&p, 1, ms);
    if (n > 0)
      return true;
    if (n < 0 && errno != EINTR)
      return false;
  }
}

static bool
socket_wait(void *ctx, short events, int64_t deadline)
{
  const struct socket_ctx *s = ctx;
  in_hand_wait();
  bool worth = wait_until(s->fd, events, deadline);
  in_hand_go_on();
  return worth;
}

static void
socket_shutdown(void *ctx, int how)
{
  const struct socket_ctx *s = ctx;
  (void)shutdown(s->fd, how);
}

static bool
is_loopback6(const struct in6_addr *address)
{
  return IN6_IS_ADDR_LOOPBACK(address) || (IN6_IS_ADDR_V4MAPPED(address) && address->s6_addr[12] == IN_LOOPBACKNET);
}

static bool
socket_is_local(void *ctx)
{
  const struct socket_ctx *s = ctx;
  union {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_storage room;
  } peer = { .any.sa_family = AF_UNSPEC };
  socklen_t size = sizeof(peer);
  if (getpeername(s->fd, &peer.any, &size) != 0)
    return false;
  switch (peer.any.sa_family) {
  case AF_UNIX:
    return true;
  case AF_INET:
    return ntohl(peer.in.sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
  case AF_INET6:
    return is_loopback6(&peer.in6.sin6_addr);
  default:
    return false;
  }
}

static void
socket_close(void *ctx)
{
  struct socket_ctx *s = ctx;
  close(s->fd);
  g_free(s);
}

static const struct stream_ops socket_ops = {
  .read = socket_read,
  .writev = socket_writev,
  .wait = socket_wait,
  .shutdown = socket_shutdown,
  .is_local = socket_is_local,
  .close = socket_close,
};

struct stream *
stream_new(int fd)
{
  int flags = fcntl(fd, F_GETFL);
  if (flags >= 0)
    (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  int on = 1;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* fails where it is not TCP */

  struct socket_ctx *ctx = g_new0(struct socket_ctx, 1);
  ctx->fd = fd;
  return stream_new_on((struct stream_layer){ &socket_ops, ctx }, fd);
}
