#pragma once
/* One SMTP mail transaction (RFC 5321 3.3) with many recipients, pipelined where the server offers it (RFC 2920). */
#include "courier/ehlo.h"
#include "courier/transmission.h"

/* The server at the other end, as far as it is known. */
struct smtp_peer {
  struct stream *stream;
  struct ehlo ehlo;
  size_t max_recipients; /* a transaction; learned from 452 too */
  bool dirty;            /* RSET before the next transaction */
  bool answered;         /* it has answered since this was last made false */
  bool congested;        /* it has asked for less */
};

/* Commands in flight at most. Their octets and those of the replies fit into any socket's buffers, so that both sides can never wait for
 * each other. */
#define SMTP_GROUP_MAX 100

/* Sends to the next pending recipients, `max_recipients` at most.
 * RES_OK: it is over and at least one recipient is pending no more. Those refused with 452 4.5.3 after others were accepted stay pending:
 * they are for a further transaction.
 * RES_TEMP: the connection is lost or of no use any more (closed, too slow, 421, no SMTP). Recipients answered before that have their
 * outcome; those of a message whose dot was sent but not answered are OUTCOME_DEFERRED, since nobody knows; the rest are pending. */
enum res smtp_transaction_run(struct smtp_peer *peer, struct transmission *transmission, GError **error) MUST_CHECK;
