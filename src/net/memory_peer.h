#pragma once
/* For tests: a peer whose octets lie in memory, cut where the test wants them cut. */
#include "net/stream.h"

struct memory_peer {
  struct slice input;  /* all that the peer will ever send */
  size_t at;           /* how much of it was read */
  size_t split;        /* no read crosses this offset; 0: reads cross freely */
  size_t piece;        /* most octets that one read gives; 0: no limit */
  int read_errno;      /* after the input: this failure; 0: the peer closes */
  size_t write_piece;  /* most octets that one write takes; 0: no limit */
  int write_errno;     /* every write fails with it; 0: none does */
  GString *output;     /* what was written to the peer; made by memory_peer_stream */
  int writes, reads;   /* calls */
  bool closed;
};

/* A stream to `peer`, which must outlive it. The test frees `peer->output`. */
struct stream *memory_peer_stream(struct memory_peer *peer);
