#pragma once
/* A connected socket with deadlines: octets in through a buffer, octets out gathered into few writes. One thread at a time, but for
 * stream_shutdown. */
#include "base/error.h"
#include "base/own.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stdint.h>

struct stream;

/* Octets read ahead at most, and gathered for output before they are written. */
#define STREAM_INPUT_MAX (64 * 1024)
#define STREAM_OUTPUT_MAX (64 * 1024)

/* Takes over `fd`, a socket (made non-blocking; TCP_NODELAY where it is TCP). There is no deadline at first. */
struct stream *stream_new(int fd);
/* Closes, without waiting. Output not flushed is lost. NULL is allowed. */
void stream_free(struct stream *stream);
OWN_DEFINE(stream, stream_free)

/* The deadline of every read and write from now on, clock_monotonic() microseconds. */
void stream_deadline(struct stream *stream, int64_t at);
/* On: while a write waits for the peer to take octets, what the peer sends is read into the input buffer, so that two sides that both write cannot
 * wait for each other for ever. When STREAM_INPUT_MAX octets are pending, only the write is waited for. A borrowed slice of the input is then
 * valid until the next read or write. Off at first. */
void stream_duplex(struct stream *stream, bool on);

/* What has been read and not consumed. Borrowed until the next stream_fill (see stream_duplex): consumed octets stay where they are until then. */
struct slice stream_pending(const struct stream *stream);
void stream_consume(struct stream *stream, size_t n);
/* Waits for at least one more octet. Flushes output first, so that no peer waits for a reply that sits here (and all replies of a
 * pipelined group leave in one write). What came in while the output left will do. After a failed write it waits no more, but gives what the
 * peer had sent before: its last reply. RES_MORE: the peer closed its side, `error` is left alone; RES_TEMP: deadline (REPLY_TIMEOUT; a later
 * deadline makes the stream usable again if it was the read that was late), connection lost (REPLY_TROUBLE); RES_BAD: STREAM_INPUT_MAX octets are
 * pending already. */
enum res stream_fill(struct stream *stream, GError **error) MUST_CHECK;
/* Gathers; writes only when STREAM_OUTPUT_MAX is exceeded. Large slices are not copied but written at once, in order, together with what was
 * gathered. RES_TEMP: as stream_fill; after a write has failed all later ones fail too. */
enum res stream_write(struct stream *stream, struct slice octets, GError **error) MUST_CHECK;
/* The same for `n` slices as if they were one: where they are large together none is copied. */
enum res stream_writev(struct stream *stream, const struct slice *slices, size_t n, GError **error) MUST_CHECK;
enum res stream_flush(struct stream *stream, GError **error) MUST_CHECK;
struct stream_octets {
  uint64_t given; /* to stream_write and stream_writev */
  uint64_t left;  /* of these, for the peer */
};
/* Since the beginning. The peer may have got less than has left, but nothing else: a record of TLS counts when all of it has left. */
struct stream_octets stream_octets(const struct stream *stream);
/* Before closing on a peer that may still be sending: says that nothing more comes, then reads and drops until the peer closes, `deadline` is past
 * or 1 MiB was read. A socket closed over unread octets is reset, and the peer could lose the last reply. Flush first. */
void stream_linger(struct stream *stream, int64_t deadline);
/* Any thread, while the stream is not being freed: breaks the connection, so that what waits on it ends soon. */
void stream_shutdown(const struct stream *stream);
/* True: the peer is on this machine, by its address: loopback (127/8, ::1, mapped too) or a unix socket. */
bool stream_is_local(const struct stream *stream);
/* The descriptor, or -1 (a peer in memory). For poll() only. */
int stream_fd(const struct stream *stream);
