#pragma once
/* For tests: streams with their other ends, and a layer that watches. */
#include "net/stream_ops.h"

/* Streams over a pair of sockets with small buffers, so that little of what is sent hides in the kernel, and over TCP on loopback. A minute's
 * time; `*other`: the other end, a blocking socket. */
struct stream *stream_to(int *other);
struct stream *stream_to_tcp(int *other);

/* A stream on `fd`, as stream_new, whose peer is on another machine, it says. A minute's time. */
struct stream *stream_from_afar(int fd);

/* A layer that passes everything on. */
struct stream_spy {
  struct stream_layer below;
  int waits, most_iov;
  const char *wanted; /* an octet that must leave from where it lies */
  bool seen;          /* it did */
};

/* Puts `spy`, which must outlive `stream`, upon it. */
void stream_spy_upon(struct stream_spy *spy, struct stream *stream);
