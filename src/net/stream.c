#include "net/stream.h"
#include "base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define INPUT_FIRST (4 * 1024)
/* Written from where it lies instead of being gathered: from here on a copy costs more than a system call. */
#define WRITE_DIRECT (32 * 1024)
#define LINGER_MAX (1024 * 1024)

struct stream {
  const struct stream_ops *ops;
  void *ctx;
  int fd; /* -1: not known */
  int64_t deadline;
  char *in;
  size_t in_size, in_at, in_end;
  GByteArray *out;
  enum reply broken; /* why nothing can be written any more; REPLY_COUNT: it can */
};

/* ---- sockets ---- */

struct socket_ctx {
  int fd;
};

/* Waits until `events` or the deadline; false with errno set. */
static bool
socket_wait(int fd, short events, int64_t deadline)
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

/* The deadline is looked at before the socket: a peer that always has one more octet must not outrun it. */
static bool
socket_late(int64_t deadline)
{
  if (deadline == INT64_MAX || clock_monotonic() < deadline)
    return false;
  errno = ETIMEDOUT;
  return true;
}

static bool
socket_would_block(void)
{
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

static ssize_t
socket_read(void *ctx, char *into, size_t n, int64_t deadline)
{
  const struct socket_ctx *s = ctx;
  if (socket_late(deadline))
    return -1;
  for (;;) {
    ssize_t got = recv(s->fd, into, n, 0);
    if (got >= 0)
      return got;
    if (errno == EINTR)
      continue;
    if (!socket_would_block() || !socket_wait(s->fd, POLLIN, deadline))
      return -1;
  }
}

/* sendmsg and not writev: a peer that went away must not raise SIGPIPE. */
static ssize_t
socket_writev(void *ctx, const struct iovec *iov, int n, int64_t deadline)
{
  const struct socket_ctx *s = ctx;
  struct msghdr message = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n };
  if (socket_late(deadline))
    return -1;
  for (;;) {
    ssize_t put = sendmsg(s->fd, &message, MSG_NOSIGNAL);
    if (put >= 0)
      return put;
    if (errno == EINTR)
      continue;
    if (!socket_would_block() || !socket_wait(s->fd, POLLOUT, deadline))
      return -1;
  }
}

static void
socket_close(void *ctx)
{
  struct socket_ctx *s = ctx;
  close(s->fd);
  g_free(s);
}

static const struct stream_ops socket_ops = { .read = socket_read, .writev = socket_writev, .close = socket_close };

/* ---- the stream ---- */

struct stream *
stream_new_ops(const struct stream_ops *ops, void *ctx)
{
  struct stream *stream = g_new0(struct stream, 1);
  stream->ops = ops;
  stream->ctx = ctx;
  stream->fd = -1;
  stream->deadline = INT64_MAX;
  stream->out = g_byte_array_new();
  stream->broken = REPLY_COUNT;
  return stream;
}

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
  struct stream *stream = stream_new_ops(&socket_ops, ctx);
  stream->fd = fd;
  return stream;
}

void
stream_free(struct stream *stream)
{
  if (stream == NULL)
    return;
  stream->ops->close(stream->ctx);
  g_free(stream->in);
  g_byte_array_unref(stream->out);
  g_free(stream);
}

void
stream_deadline(struct stream *stream, int64_t at)
{
  stream->deadline = at;
}

int
stream_fd(const struct stream *stream)
{
  return stream->fd;
}

struct slice
stream_pending(const struct stream *stream)
{
  if (stream->in == NULL)
    return (struct slice){ "", 0 };
  return (struct slice){ stream->in + stream->in_at, stream->in_end - stream->in_at };
}

void
stream_consume(struct stream *stream, size_t n)
{
  g_assert(n <= stream->in_end - stream->in_at);
  stream->in_at += n;
}

static enum res
stream_failed(const char *what, GError **error)
{
  if (errno == ETIMEDOUT)
    return trouble(error, REPLY_TIMEOUT, "%s: the peer was too slow", what);
  return trouble(error, REPLY_TROUBLE, "%s: %s", what, g_strerror(errno));
}

/* Room for at least one octet after what is pending. The buffer starts small, since most sessions are idle; it doubles when full, and goes back
 * when a big one has run empty. */
static bool
stream_room(struct stream *stream)
{
  size_t pending = stream->in_end - stream->in_at;
  if (pending >= STREAM_INPUT_MAX)
    return false;
  if (stream->in_at > 0) {
    memmove(stream->in, stream->in + stream->in_at, pending);
    stream->in_at = 0;
    stream->in_end = pending;
  }
  if (pending == stream->in_size || stream->in == NULL) {
    stream->in_size = stream->in_size ? MIN(stream->in_size * 2, STREAM_INPUT_MAX) : INPUT_FIRST;
    stream->in = g_realloc(stream->in, stream->in_size);
  }
  return true;
}

/* After a read that filled the buffer more is likely to be waiting; after one that used little of it the rest is given back. */
static void
stream_fit(struct stream *stream)
{
  size_t used = stream->in_end;
  if (used == stream->in_size)
    stream->in_size = MIN(stream->in_size * 2, STREAM_INPUT_MAX);
  else if (stream->in_size > INPUT_FIRST && used <= INPUT_FIRST / 2)
    stream->in_size = INPUT_FIRST;
  else
    return;
  stream->in = g_realloc(stream->in, stream->in_size);
}

enum res
stream_fill(struct stream *stream, GError **error)
{
  enum res res = stream_flush(stream, error);
  if (res != RES_OK)
    return res;
  if (!stream_room(stream))
    return refuse(error, REPLY_LINE_TOO_LONG, "%d octets are waiting unread", STREAM_INPUT_MAX);
  ssize_t got = stream->ops->read(stream->ctx, stream->in + stream->in_end, stream->in_size - stream->in_end, stream->deadline);
  if (got < 0)
    return stream_failed("read", error);
  if (got == 0)
    return RES_MORE;
  stream->in_end += (size_t)got;
  stream_fit(stream);
  return RES_OK;
}

/* Writes what was gathered and then `octets`, all of it. After a failure nobody knows what the peer has got, so nothing follows. */
static enum res
stream_put(struct stream *stream, struct slice octets, GError **error)
{
  struct iovec iov[2] = {
    { .iov_base = stream->out->data, .iov_len = stream->out->len },
    { .iov_base = (void *)octets.p, .iov_len = octets.n },
  };
  int at = 0;
  while (at < 2) {
    if (iov[at].iov_len == 0) {
      at++;
      continue;
    }
    ssize_t put = stream->ops->writev(stream->ctx, iov + at, 2 - at, stream->deadline);
    if (put < 0) {
      stream->broken = errno == ETIMEDOUT ? REPLY_TIMEOUT : REPLY_TROUBLE;
      return stream_failed("write", error);
    }
    for (size_t left = (size_t)put; left > 0 && at < 2;) {
      size_t n = MIN(left, iov[at].iov_len);
      iov[at].iov_base = (char *)iov[at].iov_base + n;
      iov[at].iov_len -= n;
      left -= n;
      if (iov[at].iov_len == 0)
        at++;
    }
  }
  g_byte_array_set_size(stream->out, 0);
  return RES_OK;
}

enum res
stream_write(struct stream *stream, struct slice octets, GError **error)
{
  if (stream->broken != REPLY_COUNT)
    return trouble(error, stream->broken, "write: the connection failed before");
  if (octets.n == 0)
    return RES_OK;
  if (octets.n >= WRITE_DIRECT || stream->out->len + octets.n > STREAM_OUTPUT_MAX)
    return stream_put(stream, octets, error);
  g_byte_array_append(stream->out, (const guint8 *)octets.p, (guint)octets.n);
  return RES_OK;
}

enum res
stream_flush(struct stream *stream, GError **error)
{
  if (stream->broken != REPLY_COUNT)
    return trouble(error, stream->broken, "write: the connection failed before");
  if (stream->out->len == 0)
    return RES_OK;
  return stream_put(stream, (struct slice){ "", 0 }, error);
}

void
stream_linger(struct stream *stream, int64_t deadline)
{
  if (stream->fd < 0 || stream->broken != REPLY_COUNT)
    return;
  (void)shutdown(stream->fd, SHUT_WR);
  char dropped[4096];
  ssize_t n = 1;
  for (size_t sum = 0; n > 0 && sum < LINGER_MAX; sum += (size_t)n)
    n = stream->ops->read(stream->ctx, dropped, sizeof(dropped), deadline);
}
