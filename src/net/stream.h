#pragma once
/* A connected socket with deadlines: octets in through a buffer, octets out gathered into few writes. One thread at a time.
 * Where the octets come from is a small table of functions, so that TLS and tests fit underneath. */
#include "base/error.h"
#include "base/own.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct stream;

struct stream_ops {
  /* As read(2) and writev(2) on a non-blocking descriptor, but -1 with errno ETIMEDOUT when `deadline` (monotonic microseconds) is past. */
  ssize_t (*read)(void *ctx, char *into, size_t n, int64_t deadline);
  ssize_t (*writev)(void *ctx, const struct iovec *iov, int n, int64_t deadline);
  void (*close)(void *ctx);
};

/* Octets read ahead at most, and gathered for output before they are written. */
#define STREAM_INPUT_MAX (64 * 1024)
#define STREAM_OUTPUT_MAX (64 * 1024)

/* Takes over `fd`, a socket (made non-blocking; TCP_NODELAY where it is TCP). There is no deadline at first. */
struct stream *stream_new(int fd);
/* For tests and TLS: takes over `ctx`. */
struct stream *stream_new_ops(const struct stream_ops *ops, void *ctx);
/* Closes. Output not flushed is lost. NULL is allowed. */
void stream_free(struct stream *stream);
OWN_DEFINE(stream, stream_free)

/* The deadline of every read and write from now on, clock_monotonic() microseconds. */
void stream_deadline(struct stream *stream, int64_t at);

/* What has been read and not consumed. Borrowed until the next stream_fill: consumed octets stay where they are until then. */
struct slice stream_pending(const struct stream *stream);
void stream_consume(struct stream *stream, size_t n);
/* Waits for at least one more octet. Flushes output first, so that no peer waits for a reply that sits here (and all replies of a
 * pipelined group leave in one write). RES_MORE: the peer closed its side, `error` is left alone; RES_TEMP: deadline (REPLY_TIMEOUT; a later
 * deadline makes the stream usable again if it was the read that was late), connection lost (REPLY_TROUBLE); RES_BAD: STREAM_INPUT_MAX octets are
 * pending already. */
enum res stream_fill(struct stream *stream, GError **error) MUST_CHECK;
/* Gathers; writes only when STREAM_OUTPUT_MAX is exceeded. Large slices are not copied but written at once, in order, together with what was
 * gathered. RES_TEMP: as stream_fill; after a write has failed all later ones fail too. */
enum res stream_write(struct stream *stream, struct slice octets, GError **error) MUST_CHECK;
enum res stream_flush(struct stream *stream, GError **error) MUST_CHECK;
/* Before closing on a peer that may still be sending: says that nothing more comes, then reads and drops until the peer closes, `deadline` is past
 * or 1 MiB was read. A socket closed over unread octets is reset, and the peer could lose the last reply. Flush first. */
void stream_linger(struct stream *stream, int64_t deadline);
/* The descriptor, or -1 (ops without one). For poll() only. */
int stream_fd(const struct stream *stream);
