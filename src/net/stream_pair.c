#include "net/stream_pair.h"
#include "base/clock.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

static struct stream *
with_time(int fd)
{
  struct stream *stream = stream_new(fd);
  stream_deadline(stream, clock_monotonic() + CLOCK_MINUTE);
  return stream;
}

struct stream *
stream_to(int *other)
{
  int fds[2], size = 4096;
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  for (int i = 0; i < 2; i++)
    g_assert_cmpint(setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), ==, 0);
  *other = fds[1];
  return with_time(fds[0]);
}

struct stream *
stream_to_tcp(int *other)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t size = sizeof(address);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  g_assert_cmpint(bind(listener, (struct sockaddr *)&address, size), ==, 0);
  g_assert_cmpint(listen(listener, 1), ==, 0);
  g_assert_cmpint(getsockname(listener, (struct sockaddr *)&address, &size), ==, 0);
  g_assert_cmpint(connect(fd, (struct sockaddr *)&address, size), ==, 0);
  *other = accept(listener, NULL, NULL);
  g_assert_cmpint(*other, >=, 0);
  g_assert_cmpint(setsockopt(*other, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), ==, 0); /* nothing left behind by a reset */
  close(listener);
  return with_time(fd);
}

/* ---- from afar: the layer of a stream inside, but for where it is ---- */

static ssize_t
afar_read(void *ctx, char *into, size_t n)
{
  const struct stream_layer bottom = stream_top(ctx);
  return bottom.ops->read(bottom.ctx, into, n);
}

static ssize_t
afar_writev(void *ctx, const struct iovec *iov, int n)
{
  const struct stream_layer bottom = stream_top(ctx);
  return bottom.ops->writev(bottom.ctx, iov, n);
}

static bool
afar_wait(void *ctx, short events, int64_t deadline)
{
  const struct stream_layer bottom = stream_top(ctx);
  return bottom.ops->wait(bottom.ctx, events, deadline);
}

static void
afar_shutdown(void *ctx, int how)
{
  const struct stream_layer bottom = stream_top(ctx);
  bottom.ops->shutdown(bottom.ctx, how);
}

static bool
afar_is_local(void *ctx)
{
  (void)ctx;
  return false;
}

static void
afar_close(void *ctx)
{
  stream_free(ctx);
}

static const struct stream_ops afar_ops = {
  .read = afar_read, .writev = afar_writev, .wait = afar_wait, .shutdown = afar_shutdown, .is_local = afar_is_local, .close = afar_close,
};

struct stream *
stream_from_afar(int fd)
{
  struct stream *stream = stream_new_on((struct stream_layer){ &afar_ops, stream_new(fd) }, fd);
  stream_deadline(stream, clock_monotonic() + CLOCK_MINUTE);
  return stream;
}

/* ---- the spy ---- */

static ssize_t
spy_read(void *ctx, char *into, size_t n)
{
  struct stream_spy *spy = ctx;
  return spy->below.ops->read(spy->below.ctx, into, n);
}

static ssize_t
spy_writev(void *ctx, const struct iovec *iov, int n)
{
  struct stream_spy *spy = ctx;
  spy->most_iov = MAX(spy->most_iov, n);
  for (int i = 0; i < n; i++)
    if (iov[i].iov_base == spy->wanted)
      spy->seen = true;
  return spy->below.ops->writev(spy->below.ctx, iov, n);
}

static bool
spy_wait(void *ctx, short events, int64_t deadline)
{
  struct stream_spy *spy = ctx;
  spy->waits++;
  return spy->below.ops->wait(spy->below.ctx, events, deadline);
}

static void
spy_close(void *ctx)
{
  struct stream_spy *spy = ctx;
  spy->below.ops->close(spy->below.ctx);
}

static const struct stream_ops spy_ops = { .read = spy_read, .writev = spy_writev, .wait = spy_wait, .close = spy_close };

void
stream_spy_upon(struct stream_spy *spy, struct stream *stream)
{
  spy->below = stream_top(stream);
  stream_push(stream, (struct stream_layer){ &spy_ops, spy });
}
