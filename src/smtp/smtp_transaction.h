#pragma once
/* One SMTP mail transaction (RFC 5321 3.3): its recipients, and what the server said so far. Lives until all its commands are answered. */
#include "smtp/smtp_peer.h"

struct smtp_transaction {
  unsigned refs;
  unsigned number; /* of the connection, from 1; kept in its recipients while it runs */
  struct transmission *mail;
  const struct copy_form *form;
  size_t size;         /* octets of this copy */
  bool eight_bit;      /* they are not all ASCII */
  bool utf8;           /* asks for SMTPUTF8 */
  bool chunked;        /* BDAT, not DATA */
  bool refused;        /* MAIL was refused */
  bool wanted;         /* DATA was answered 354 */
  uint64_t content_end; /* where it ends among the octets given to the stream; 0: not all of it was given */
  size_t unanswered;    /* commands */
  size_t accepted;      /* recipients */
  size_t n;
  size_t recipients[]; /* their numbers in `mail` */
};

/* The next transaction: pending recipients that are in no running one, at most `max_recipients` in a batch, one of personal copies. NULL: there
 * are none. */
struct smtp_transaction *smtp_transaction_next(struct smtp_peer *peer, struct transmission *mail, const struct copy_form *form);
struct smtp_transaction *smtp_transaction_ref(struct smtp_transaction *transaction);
/* NULL is allowed. */
void smtp_transaction_unref(struct smtp_transaction *transaction);
OWN_DEFINE(smtp_transaction, smtp_transaction_unref)

/* Keeps a reply as one of this transaction and gives its number. Takes over `text`. */
int smtp_transaction_reply(struct smtp_transaction *transaction, const struct smtp_peer *peer, char *text);
/* A recipient is in no running transaction any more: with an outcome, or pending for another transaction. */
void smtp_transaction_settle(struct smtp_transaction *transaction, size_t recipient, enum outcome outcome, int reply);
void smtp_transaction_release(struct smtp_transaction *transaction, size_t recipient);
/* Those from the `n`th on are no longer in it: they were not told to the server. */
void smtp_transaction_cut(struct smtp_transaction *transaction, size_t n);
/* All that are still in it, accepted ones or not yet answered for, get an outcome. */
void smtp_transaction_settle_all(struct smtp_transaction *transaction, enum outcome outcome, int reply);
/* True: as far as is known nobody will get the message by it. */
bool smtp_transaction_is_hopeless(const struct smtp_transaction *transaction);
