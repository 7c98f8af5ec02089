#pragma once
/* What a stream lies on: a table of functions, so that sockets, TLS and the peers of tests fit underneath. */
#include "net/stream.h"
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

struct stream_ops {
  /* As read(2) and writev(2) on a non-blocking descriptor. After EAGAIN writev is called again with the same octets first, or never. */
  ssize_t (*read)(void *ctx, char *into, size_t n);
  ssize_t (*writev)(void *ctx, const struct iovec *iov, int n);
  /* Waits until read (POLLIN) or writev (POLLOUT), whichever of them said EAGAIN, is worth another try. False with errno set: it is not; ETIMEDOUT:
   * `deadline` (monotonic microseconds) is past. */
  bool (*wait)(void *ctx, short events, int64_t deadline);
  /* As shutdown(2). SHUT_WR comes from above; SHUT_RDWR goes to the bottom layer only, from any thread at any time. */
  void (*shutdown)(void *ctx, int how);
  /* Of the bottom layer: see stream_is_local. */
  bool (*is_local)(void *ctx);
  /* Why the last read or writev failed, where errno cannot tell, else NULL. Borrowed. The function itself may be NULL. */
  const char *(*failure)(void *ctx);
  void (*close)(void *ctx);
};

struct stream_layer {
  const struct stream_ops *ops;
  void *ctx;
};

/* A stream on `bottom`, which it takes over. `fd`: what stream_fd says. */
struct stream *stream_new_on(struct stream_layer bottom, int fd);
/* What the stream's octets pass through first. */
struct stream_layer stream_top(const struct stream *stream);
/* Puts `layer`, which takes over what was the top, upon it. No octets may be waiting in either direction. */
void stream_push(struct stream *stream, struct stream_layer layer);
/* Drops what is waiting in either direction; nothing can be read or written any more. */
void stream_break(struct stream *stream);
/* What stream_deadline set. */
int64_t stream_deadline_at(const struct stream *stream);
/* True with errno ETIMEDOUT: `deadline` is past. */
bool deadline_passed(int64_t deadline);
/* True: errno says that the call would have had to wait. */
bool would_block(void);
