#pragma once
/* For tests: a peer whose octets lie in memory, cut where the test wants them cut. It never waits: what would wait for ever is ETIMEDOUT. */
#include "net/stream.h"
#include <stdatomic.h>

struct memory_peer {
  struct slice input;  /* all that the peer will ever send */
  size_t at;           /* how much of it was read */
  size_t split;        /* no read crosses this offset; 0: reads cross freely */
  size_t piece;        /* most octets that one read gives; 0: no limit */
  int read_errno;      /* after the input: this failure; EAGAIN: silence; 0: the peer closes */
  size_t write_piece;  /* most octets that one write takes; 0: no limit */
  int write_errno;     /* every write fails with it …; 0: none does */
  size_t write_most;   /* … as soon as the peer has taken so many octets */
  size_t window;       /* most octets that it takes before all of `input` was read, as a peer that writes before it reads; 0: no limit */
  bool local;          /* what stream_is_local says */
  GString *output;     /* what was written to the peer; made by memory_peer_stream */
  int writes, reads;   /* calls */
  int waits;
  atomic_bool shut;    /* by stream_shutdown: the peer is gone */
  bool ended;          /* by stream_linger: it was told that nothing more comes */
  bool closed;
};

/* A stream to `peer`, which must outlive it. The test frees `peer->output`. */
struct stream *memory_peer_stream(struct memory_peer *peer);
