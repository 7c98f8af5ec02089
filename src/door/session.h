#pragma once
/* Inside of a session, shared by the files that make it up: door_session.c (loop, end, replies), lmtp_dialogue.c (what each command does),
 * transfer.c (the octets of a message). Everything but `shared` belongs to the session's thread. */
#include "door/arrival.h"
#include "door/pace.h"
#include <pthread.h>

enum session_wait { WAIT_NONE, WAIT_COMMAND, WAIT_OCTETS };

/* A message on its way in. */
struct transfer {
  bool open; /* BDAT has begun: no RCPT, no DATA */
  int64_t deadline; /* of the whole message */
  struct arrival message;
};

/* What the protocols differ in, but for their verbs (door/lmtp_command.h). */
struct protocol {
  enum reply greeting;
  const char *hello_first; /* what a command is told that came too early */
  bool one_reply;          /* after the dot, for all recipients */
};
extern const struct protocol protocols[PROTOCOLS];

struct door_session {
  enum door_protocol protocol;
  struct stream *stream;
  const struct door_hooks *hooks;
  struct door_options *options;
  struct door_peer peer;
  struct door_xforward xforward;
  struct door_transaction transaction;
  char *mail;       /* its MAIL, as written */
  GString *literal; /* its `reply` */
  struct transfer transfer;
  struct pace pace;    /* since MAIL, or since the message began */
  int64_t waits_since; /* monotonic */
  bool in_transaction; /* MAIL was accepted */
  bool over;           /* no further command is read */
  bool linger;         /* ends with input unread: see stream_linger */
  bool tls_offered;    /* in the last answer to LHLO or EHLO */
  int errors;          /* commands that were none, in a row */
  struct {
    pthread_mutex_t lock;
    enum session_wait waits;
    bool in_transaction;
    int64_t since;
    int64_t overdue; /* from then on the peer is slower than the minimum rate; INT64_MAX: never */
    enum reply end;  /* REPLY_COUNT: not told to end */
  } shared;
};

/* Gathers one reply line; `detail` may be NULL. If it cannot be written the session is over. */
void session_say(struct door_session *session, enum reply reply, const char *detail);
/* What a hook wants said as it is, if it does. False: nothing was said. */
bool session_say_literal(struct door_session *session);
/* A refusal: what the hook wants said, or else its error by DESIGN's rule (door.h). */
void session_say_error(struct door_session *session, const GError *error);
/* A reply of several lines, `n` details of the same code. */
void session_say_lines(struct door_session *session, enum reply reply, const char *const *details, size_t n);
/* Gathers octets as they are. */
void session_write(struct door_session *session, struct slice octets);
/* Begins again before MAIL: the transaction, if there is one, is over, and so are XFORWARD's attributes. */
void session_reset(struct door_session *session);

/* Around each wait for the peer: other threads may see and wake a session meanwhile. Both give the 421 that is due now, or REPLY_COUNT. */
enum reply session_wait_begin(struct door_session *session, enum session_wait what, int64_t now);
enum reply session_wait_end(struct door_session *session);
/* When a wait for a command that begins at `now` is over. */
int64_t session_command_deadline(const struct door_session *session, int64_t now);
/* When a wait that begins at `now` makes the peer slower than the minimum rate; INT64_MAX outside a transaction. */
int64_t session_overdue_at(const struct door_session *session, int64_t now);

/* Serves one command line. RES_OK: it has been answered. Otherwise the caller says the error. */
enum res lmtp_dialogue_command(struct door_session *session, struct slice line, GError **error) MUST_CHECK;

/* Begins a message; `bdat` as in dot_decoder_init. */
void transfer_begin(struct door_session *session, bool bdat);
/* After 354: reads the message and answers it. RES_TEMP, RES_MORE: the connection was lost, or too slow; nothing is to be said. */
enum res transfer_data(struct door_session *session, GError **error) MUST_CHECK;
/* Reads one chunk and answers it. Results as transfer_data. */
enum res transfer_chunk(struct door_session *session, int64_t octets, bool last, GError **error) MUST_CHECK;
/* Reads a chunk that nobody wants. Results as transfer_data. */
enum res transfer_swallow(struct door_session *session, int64_t octets, GError **error) MUST_CHECK;
/* Counts a message that the door or a hook did not take, by the reply. */
void transfer_count_failure(const GError *failure);
/* Frees what a message needed. */
void transfer_end(struct door_session *session);
