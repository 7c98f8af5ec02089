#pragma once
/* An SMTP server at the other end of a connection: what it can do, and which replies it owes. One thread at a time. */
#include "smtp/ehlo.h"
#include "smtp/transmission.h"

/* Replies that may be outstanding before some are read; one command more may be under way then. */
#define SMTP_REPLIES_MAX 100
/* The same for the octets of what they answer. One message may be larger. */
#define SMTP_OCTETS_MAX (1024 * 1024)

/* Refusals in a row, and RSETs after a refusal, after which a connection is given up for a fresh one. Postfix answers each command a second late
 * after 10 refusals and hangs up after 20 (smtpd_soft_error_limit, smtpd_hard_error_limit), Exim hangs up at the 11th RSET that led to nothing
 * (smtp_accept_max_nonmail); some more are on their way when that is seen. */
#define SMTP_REFUSALS_MAX 9
#define SMTP_RESETS_MAX 6

struct smtp_transaction;

enum smtp_command { SMTP_RSET, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, SMTP_CONTENT, SMTP_COMMANDS };

/* A command that is not answered yet. */
struct smtp_awaited {
  enum smtp_command command;
  struct smtp_transaction *transaction; /* a reference; NULL for RSET */
  size_t recipient;                     /* of RCPT: its number in the transmission */
  size_t octets;
};

struct smtp_peer {
  struct stream *stream;
  const char *name; /* borrowed; see struct smtp_client_options */
  struct ehlo ehlo;
  size_t max_recipients; /* a transaction; learned from 452 too */
  unsigned transactions; /* number of the last one */
  bool personal;         /* what is being sent are personal copies */
  bool short_flights;    /* no more outstanding than may all be refused without harm */
  unsigned refusals;     /* in a row: since a message was taken */
  unsigned resets;       /* RSETs after a refusal, since the connection began */
  unsigned agreed;       /* replies in a row: since a refusal, and since the transmission began */
  bool dirty;            /* RSET before the next transaction */
  bool answered;         /* it has answered since this was last made false */
  bool congested;        /* it has asked for less since this was last made false */
  bool gone_astray;      /* it has said something after which nothing can be sent any more */

  /* smtp_flight's own: what is not answered, in order, in a ring */
  struct smtp_awaited awaited[SMTP_REPLIES_MAX + 1];
  size_t first, n, octets;
  bool write_failed; /* only what it said before can still be read */
  int64_t last_word; /* no reply is waited for longer than this; 0: no such limit */
};
