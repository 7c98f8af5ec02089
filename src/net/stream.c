#include "net/stream.h"
#include "base/clock.h"
#include "net/stream_ops.h"
#include <errno.h>
#include <string.h>

#define INPUT_FIRST (4 * 1024)
/* Written from where it lies instead of being gathered: from here on a copy costs more than a system call. */
#define WRITE_DIRECT (32 * 1024)
#define IOV_BATCH 64
#define LINGER_MAX (1024 * 1024)

struct stream {
  struct stream_layer bottom; /* never changes, so that any thread may shut it down */
  struct stream_layer top;    /* the same, or TLS upon it */
  int fd;                     /* -1: there is none */
  int64_t deadline;
  bool duplex;
  char *in;
  size_t in_size, in_at, in_end;
  bool in_over; /* nothing more can be read: the peer closed, or in_errno */
  int in_errno;
  GByteArray *out;
  struct stream_octets octets;
  enum reply broken; /* why nothing can be written any more; REPLY_COUNT: it can */
};

struct stream *
stream_new_on(struct stream_layer bottom, int fd)
{
  struct stream *stream = g_new0(struct stream, 1);
  stream->bottom = bottom;
  stream->top = bottom;
  stream->fd = fd;
  stream->deadline = INT64_MAX;
  stream->out = g_byte_array_new();
  stream->broken = REPLY_COUNT;
  return stream;
}

void
stream_free(struct stream *stream)
{
  if (stream == NULL)
    return;
  stream->top.ops->close(stream->top.ctx);
  g_free(stream->in);
  g_byte_array_unref(stream->out);
  g_free(stream);
}

struct stream_layer
stream_top(const struct stream *stream)
{
  return stream->top;
}

void
stream_push(struct stream *stream, struct stream_layer layer)
{
  g_assert(stream->in_at == stream->in_end && stream->out->len == 0);
  stream->top = layer;
}

void
stream_break(struct stream *stream)
{
  stream->in_at = stream->in_end;
  stream->in_over = true;
  stream->in_errno = ECONNABORTED;
  g_byte_array_set_size(stream->out, 0);
  stream->broken = REPLY_TROUBLE;
}

void
stream_deadline(struct stream *stream, int64_t at)
{
  stream->deadline = at;
}

int64_t
stream_deadline_at(const struct stream *stream)
{
  return stream->deadline;
}

void
stream_duplex(struct stream *stream, bool on)
{
  stream->duplex = on;
}

void
stream_shutdown(const struct stream *stream)
{
  stream->bottom.ops->shutdown(stream->bottom.ctx, SHUT_RDWR);
}

bool
stream_is_local(const struct stream *stream)
{
  return stream->bottom.ops->is_local(stream->bottom.ctx);
}

int
stream_fd(const struct stream *stream)
{
  return stream->fd;
}

bool
deadline_passed(int64_t deadline)
{
  if (deadline == INT64_MAX || clock_monotonic() < deadline)
    return false;
  errno = ETIMEDOUT;
  return true;
}

bool
would_block(void)
{
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

/* What the layer knows of a failure; NULL: errno tells. */
static const char *
failure_of(struct stream_layer layer)
{
  return layer.ops->failure ? layer.ops->failure(layer.ctx) : NULL;
}

static enum res
stream_failed(const struct stream *stream, const char *what, GError **error)
{
  if (errno == ETIMEDOUT)
    return trouble(error, REPLY_TIMEOUT, "%s: the peer was too slow", what);
  const char *why = failure_of(stream->top);
  return trouble(error, REPLY_TROUBLE, "%s: %s", what, why ? why : g_strerror(errno));
}

/* ---- input ---- */

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

/* Reads what is there into the room that stream_room made, without waiting. As read(2). */
static ssize_t
stream_take(struct stream *stream)
{
  if (stream->in_over) {
    errno = stream->in_errno;
    return stream->in_errno ? -1 : 0;
  }
  ssize_t got = stream->top.ops->read(stream->top.ctx, stream->in + stream->in_end, stream->in_size - stream->in_end);
  if (got > 0) {
    stream->in_end += (size_t)got;
    stream_fit(stream);
  } else if (got == 0 || !would_block()) {
    stream->in_over = true;
    stream->in_errno = got == 0 ? 0 : errno;
  }
  return got;
}

/* The deadline is looked at before the socket: a peer that always has one more octet must not outrun it. */
static enum res
stream_await(struct stream *stream, GError **error)
{
  for (;;) {
    ssize_t got = deadline_passed(stream->deadline) ? -1 : stream_take(stream);
    if (got >= 0)
      return got > 0 ? RES_OK : RES_MORE;
    if (!would_block() || !stream->top.ops->wait(stream->top.ctx, POLLIN, stream->deadline))
      return stream_failed(stream, "read", error);
  }
}

/* After a failed write, for which `unsent` stands: the peer's last words, unless it is too late. If there is only a reason, such as an alert of
 * TLS, it tells more than `unsent`, which is taken over. */
static enum res
stream_last_words(struct stream *stream, GError *unsent, GError **error)
{
  ssize_t got = deadline_passed(stream->deadline) ? 0 : stream_take(stream);
  bool reason = got < 0 && !would_block() && failure_of(stream->top) != NULL;
  if (got <= 0 && !reason) {
    g_propagate_error(error, unsent);
    return RES_TEMP;
  }
  g_clear_error(&unsent);
  return got > 0 ? RES_OK : stream_failed(stream, "read", error);
}

enum res
stream_fill(struct stream *stream, GError **error)
{
  size_t before = stream_pending(stream).n;
  g_autoptr(GError) unsent = NULL;
  enum res res = stream_flush(stream, &unsent);
  if (stream_pending(stream).n > before)
    return RES_OK;
  if (!stream_room(stream))
    return refuse(error, REPLY_LINE_TOO_LONG, "%d octets are waiting unread", STREAM_INPUT_MAX);
  return res == RES_OK ? stream_await(stream, error) : stream_last_words(stream, g_steal_pointer(&unsent), error);
}

/* ---- output ---- */

/* What is left of some slices: `first` is not empty unless all were sent. */
struct unsent {
  struct slice first;
  const struct slice *rest;
  size_t n;
};

static void
unsent_skip(struct unsent *unsent, size_t n)
{
  for (;;) {
    size_t take = MIN(n, unsent->first.n);
    unsent->first = slice_skip(unsent->first, take);
    n -= take;
    if (unsent->first.n > 0 || unsent->n == 0)
      return;
    unsent->first = *unsent->rest++;
    unsent->n--;
  }
}

/* The next slices, IOV_BATCH at most; returns how many. */
static int
unsent_batch(const struct unsent *unsent, struct iovec *iov)
{
  int count = 0;
  iov[count++] = (struct iovec){ (void *)unsent->first.p, unsent->first.n };
  for (size_t i = 0; i < unsent->n && count < IOV_BATCH; i++)
    if (unsent->rest[i].n > 0)
      iov[count++] = (struct iovec){ (void *)unsent->rest[i].p, unsent->rest[i].n };
  return count;
}

/* After a write that took nothing. What the peer has sent is read first: it may be all that keeps it from reading. Once the peer's side is
 * over, its descriptor stays readable and is not waited for. False: errno says why it is no use. */
static bool
stream_wait_to_write(struct stream *stream)
{
  short events = POLLOUT;
  if (stream->duplex && !stream->in_over && stream_room(stream)) {
    if (stream_take(stream) > 0)
      return true;
    if (!stream->in_over)
      events |= POLLIN;
  }
  return stream->top.ops->wait(stream->top.ctx, events, stream->deadline);
}

static bool
stream_send(struct stream *stream, struct unsent *unsent)
{
  struct iovec iov[IOV_BATCH];
  while (unsent->first.n > 0) {
    if (deadline_passed(stream->deadline))
      return false;
    ssize_t put = stream->top.ops->writev(stream->top.ctx, iov, unsent_batch(unsent, iov));
    if (put >= 0) {
      unsent_skip(unsent, (size_t)put);
      stream->octets.left += (size_t)put;
    } else if (!would_block() || !stream_wait_to_write(stream))
      return false;
  }
  return true;
}

/* Writes what was gathered and then `slices`, all of it. After a failure nobody knows what the peer has got, so nothing follows. */
static enum res
stream_put(struct stream *stream, const struct slice *slices, size_t n, GError **error)
{
  struct unsent unsent = { .first = { (const char *)stream->out->data, stream->out->len }, .rest = slices, .n = n };
  unsent_skip(&unsent, 0);
  if (!stream_send(stream, &unsent)) {
    stream->broken = errno == ETIMEDOUT ? REPLY_TIMEOUT : REPLY_TROUBLE;
    return stream_failed(stream, "write", error);
  }
  g_byte_array_set_size(stream->out, 0);
  return RES_OK;
}

enum res
stream_writev(struct stream *stream, const struct slice *slices, size_t n, GError **error)
{
  if (stream->broken != REPLY_COUNT)
    return trouble(error, stream->broken, "write: the connection failed before");
  size_t sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += slices[i].n;
  stream->octets.given += sum;
  if (sum >= WRITE_DIRECT || stream->out->len + sum > STREAM_OUTPUT_MAX)
    return stream_put(stream, slices, n, error);
  for (size_t i = 0; i < n; i++)
    if (slices[i].n > 0)
      g_byte_array_append(stream->out, (const guint8 *)slices[i].p, (guint)slices[i].n);
  return RES_OK;
}

enum res
stream_write(struct stream *stream, struct slice octets, GError **error)
{
  return stream_writev(stream, &octets, 1, error);
}

enum res
stream_flush(struct stream *stream, GError **error)
{
  if (stream->broken != REPLY_COUNT)
    return trouble(error, stream->broken, "write: the connection failed before");
  return stream->out->len == 0 ? RES_OK : stream_put(stream, NULL, 0, error);
}

struct stream_octets
stream_octets(const struct stream *stream)
{
  return stream->octets;
}

void
stream_linger(struct stream *stream, int64_t deadline)
{
  const struct stream_layer bottom = stream->bottom;
  if (stream->broken != REPLY_COUNT)
    return;
  stream->top.ops->shutdown(stream->top.ctx, SHUT_WR);
  char dropped[4096];
  for (size_t sum = 0; sum < LINGER_MAX && !deadline_passed(deadline);) {
    ssize_t n = bottom.ops->read(bottom.ctx, dropped, sizeof(dropped));
    if (n > 0)
      sum += (size_t)n;
    else if (n == 0 || !would_block() || !bottom.ops->wait(bottom.ctx, POLLIN, deadline))
      return;
  }
}
