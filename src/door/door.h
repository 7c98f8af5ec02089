#pragma once
/* What a door (LMTP, SMTP, milter …) tells the server, and what the server answers. A door reads commands and message octets and knows no
 * lists: everything about them goes through struct door_hooks, which server/ fills in. */
#include "base/error.h"
#include "base/slice.h"
#include "net/tls_holder.h"
#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Recipients accepted in one transaction at most. */
#define DOOR_RECIPIENTS_MAX 1000

/* XFORWARD attributes (Postfix); NULL where the peer gave none, [UNAVAILABLE] or [TEMPUNAVAIL]. xtext decoded, valid UTF-8, no controls, at most
 * 255 octets. Taken from whoever sends them: trust is decided elsewhere. They hold for one transaction. */
struct door_xforward {
  char *name, *addr, *port, *proto, *helo, *ident, *source;
};

/* The protocols of a session: RFC 2033, RFC 5321. */
enum door_protocol { PROTOCOL_LMTP, PROTOCOL_SMTP, PROTOCOLS };

enum door_body { DOOR_BODY_UNSTATED, DOOR_BODY_7BIT, DOOR_BODY_8BITMIME };

/* RFC 3461 4.3: what a report of failure shall hold. */
enum door_ret { DOOR_RET_UNSTATED, DOOR_RET_FULL, DOOR_RET_HDRS };
/* RFC 3461 4.1: of what a recipient's sender wants to hear. NEVER stands alone. */
enum door_notify { DOOR_NOTIFY_NEVER = 1, DOOR_NOTIFY_SUCCESS = 2, DOOR_NOTIFY_FAILURE = 4, DOOR_NOTIFY_DELAY = 8 };

/* Who is on the line. A session keeps its own copy. */
struct door_peer {
  const char *session;  /* id, for log lines */
  const char *listener; /* the endpoint's text as configured */
  const char *address;  /* "127.0.0.1:4711", "unix" */
  bool unix_socket;
  char *lhlo; /* what it called itself; NULL before LHLO, EHLO, HELO. Valid UTF-8, no controls, at most 255 octets. */
};

/* What stood in MAIL or RCPT, as the peer wrote it: "bob@example.org" ("" for the null reverse-path), "SIZE=1000 BODY=8BITMIME". */
struct door_written {
  struct slice path, parameters;
};

/* What becomes of a message for one of its recipients. */
enum door_outcome { DOOR_TROUBLE, DOOR_ACCEPTED, DOOR_HELD, DOOR_DISCARDED, DOOR_REFUSED };

struct door_recipient {
  char *address;  /* as written between the brackets, in the form of address_text(); <postmaster> has the server's host name added */
  void *target;   /* the hook's */
  unsigned notify; /* enum door_notify, together; 0 if not stated */
  char *orcpt;    /* "rfc822;bob@example.org": decoded, valid UTF-8, no controls; NULL if not stated */
  GString *reply; /* after the dot: one whole reply line with CRLF, filled in by message_end; empty says REPLY_TROUBLE; never a 421 */
  enum door_outcome outcome; /* and what it means, for doors that give one answer for all */
};

struct door_transaction {
  const struct door_peer *peer;
  const struct door_xforward *xforward;
  char *reverse_path; /* address_text() form; "" for the null reverse-path */
  bool smtputf8;
  enum door_body body;
  enum door_ret ret;
  char *envid;           /* decoded, printable ASCII; NULL if not stated */
  int64_t size;          /* SIZE=, 0 if not stated */
  GPtrArray *recipients; /* struct door_recipient *, accepted ones in order */
  int64_t stray;         /* stray CR and LF replaced in the message so far */
  bool attempted;        /* DATA or BDAT has come, if only to be refused: it is no probe of an address */
  /* For doors in front of the queue, filled in before message_end. */
  bool others;           /* the message has recipients that are none of ours, and goes on to them */
  enum res (*pass_on)(void *ctx, GError **error); /* NULL, or: as in queue/intake.h: called when the verdicts are there, before anything is stored */
  void *pass_on_ctx;
  void *user;            /* the hooks' own, NULL at the start of a transaction */
  struct door_written mail, rcpt; /* borrowed; `rcpt` while the hook `recipient` is asked about it */
  bool one_reply;                 /* after the dot all recipients get one reply (SMTP) */
  /* Whole lines with CRLF that a hook wants said as they are, in place of the reply that its result stands for; with `one_reply` also after the dot, in place of
   * what the recipients' replies make. Empty when a hook is called. Never a 421. */
  GString *reply;
};

/* A question about one recipient, asked in front of the MTA's queue: socketmap, policy, readsocket, milter. */
struct door_question {
  const char *recipient; /* as the peer gave it; need not be well-formed */
  const char *sender;    /* reverse-path as the peer gave it, "" for the null one; NULL: not known, and the answer depends on the recipient alone */
  int64_t size;          /* octets of the message, 0 if not stated */
};

/* All are called in the session's thread. Where a hook refuses, the reply is the error's; its message fills the {reason} and {detail} of
 * those rows of the reply table that have them, and goes to nobody otherwise. */
struct door_hooks {
  void *ctx; /* given to every hook */
  /* RES_OK: an address of ours, whose mail may come. RES_MORE: its domain is none of ours. RES_BAD: no list or role by that name (REPLY_UNKNOWN_LIST: somebody else in that domain
   * may have it), or the sender or the size is refused: the error's reply and its message, as for `recipient`. RES_TEMP: trouble. No transaction is needed. */
  enum res (*ask)(void *ctx, const struct door_question *question, GError **error);
  /* Is that a domain of ours, an alias of one included? RES_OK, RES_MORE: no. RES_TEMP. */
  enum res (*ask_domain)(void *ctx, const char *domain, GError **error);
  /* MAIL. RES_OK, or the error's reply is sent and there is no transaction. `size` over the limit is refused by the door itself. */
  enum res (*mail)(void *ctx, struct door_transaction *transaction, GError **error);
  /* RCPT: `address` is well-formed. RES_OK: accepted, `target` is kept with it. */
  enum res (*recipient)(void *ctx, struct door_transaction *transaction, const char *address, void **target, GError **error);
  /* DATA or the first BDAT, at least one recipient: may refuse for want of memory or disk. The transaction is then over. */
  enum res (*message_begin)(void *ctx, struct door_transaction *transaction, GError **error);
  /* Decoded octets (CRLF line ends only). After a result other than RES_OK the rest is read and dropped, and the error's reply is given to all
   * recipients. The size limit is kept by the door. */
  enum res (*message_data)(void *ctx, struct door_transaction *transaction, struct slice octets, GError **error);
  /* The message will be refused, whatever else comes: what was kept of it is not needed any more. Once at most; no further data follows, no end. */
  void (*message_drop)(void *ctx, struct door_transaction *transaction);
  /* The whole message has arrived: fills in every recipient's reply. What it answers with 2xx is durable. */
  void (*message_end)(void *ctx, struct door_transaction *transaction);
  /* The transaction is over (done, RSET, LHLO, refused, connection lost): frees `user` and targets. Called once for each successful mail hook. */
  void (*reset)(void *ctx, struct door_transaction *transaction);
};

/* Times in microseconds. Shared by all sessions; the server may change the atomics at any time. */
struct door_options {
  const char *hostname;
  _Atomic(const char *) transport; /* for `transport` of socketmap: "lmtp:unix:/run/listward/lmtp.sock"; NULL: none. What was there before stays readable */
  struct tls_holder *tls; /* for STARTTLS; NULL: none */
  _Atomic int64_t size_max; /* octets of a message; what SIZE announces */
  _Atomic int64_t command_timeout; /* RFC 5321 4.5.3.2.7: 5 minutes */
  _Atomic int64_t data_timeout;    /* RFC 5321 4.5.3.2.5, between two blocks of a message: 3 minutes */
  _Atomic int64_t message_timeout; /* from DATA or the first BDAT to the end of the message */
  _Atomic int64_t minimum_rate;    /* octets a second of a message, in the mean, after 30 s (or data_timeout, if that is less); 0: any */
  _Atomic bool stopping; /* between commands: 421 and close; after the dot 451 */
  _Atomic bool short_of_sessions; /* the command deadline shrinks to a twentieth: 15 s */
};

struct door_session;

/* A session over `stream` (taken over). `hooks` and `options` must outlive it; `peer` is copied. */
struct door_session *door_session_new(enum door_protocol protocol, struct stream *stream, const struct door_hooks *hooks, struct door_options *options,
                                      const struct door_peer *peer);
void door_session_free(struct door_session *session);
/* Greets, serves until QUIT, error or stop; when it returns, the last reply has been written and the transaction is over. In the session's own
 * thread. The connection is closed by door_session_free. */
void door_session_run(struct door_session *session);
/* Any thread: true while the session waits for a command outside a transaction, with the monotonic time since when in `since`. */
bool door_session_idle(struct door_session *session, int64_t *since);
/* Any thread: true while the session waits inside a transaction for a peer that is slower than the minimum rate, with the monotonic time since when
 * in `since`. */
bool door_session_overdue(struct door_session *session, int64_t now, int64_t *since);
/* Any thread: makes the session answer `reply` (a 421) and end. REPLY_SHUTDOWN: before the next command. REPLY_TIMEOUT: the same, and inside a message
 * at once, without a word. Others: before the next command outside a transaction. A session that waits is woken. */
void door_session_end(struct door_session *session, enum reply reply);
