#pragma once
/* Inside of a milter session, shared by the files that make it up: milter.c (loop, what each packet does), milter_transaction.c (envelope and message, as the hooks see them),
 * milter_verdict.c (what the MTA is told). All belongs to the session's thread. */
#include "door/arrival.h"
#include "door/exchange.h"
#include "door/milter_packet.h"
#include "door/parameters.h"

/* The message of a transaction. */
struct message {
  bool begun;                /* the hooks have it, or it has failed */
  bool fed;                  /* the MTA has begun to send it */
  bool in_body;
  struct milter_field field; /* the header field in progress */
  GByteArray *raw;           /* of one piece of it */
  struct arrival arrival;
};

struct milter {
  struct exchange exchange; /* first, as service_ops want it */
  struct milter_offer agreed; /* version 0: not yet */
  bool over;
  GString *out; /* for one answer */
  char *sender; /* as the MTA wrote it, without brackets; NULL: no MAIL */
  char *reverse_path; /* the same as address_text(); NULL: it is none */
  struct mail_parameters parameters; /* MAIL's */
  struct door_xforward nothing;
  struct door_transaction transaction;
  bool in_transaction;   /* the hooks have one */
  GPtrArray *written;    /* its recipients as the MTA wrote them: char *, for each one of the transaction */
  bool others;           /* the message has recipients that are not ours, or that we say nothing about */
  struct message message;
};

static inline const struct door_hooks *
milter_hooks(const struct milter *milter)
{
  return milter->exchange.service->hooks;
}

/* The message has recipients of ours. */
static inline bool
milter_has_ours(const struct milter *milter)
{
  return milter->in_transaction && milter->transaction.recipients->len > 0;
}

/* ---- milter_transaction.c ---- */

/* Begins again before MAIL. */
void milter_reset(struct milter *milter);
/* Adds an address of ours, as address_text(), to the transaction, which begins with the first: mail for others costs the hooks nothing. `written`: as the MTA wrote it. Results as of the
 * hooks mail and recipient. */
enum res milter_take_recipient(struct milter *milter, const char *address, struct slice written, GError **error) MUST_CHECK;

/* The message begins, unless it has begun already, or is of no concern to us. */
void milter_begin_message(struct milter *milter);
/* Octets of a field's packet; its end. */
void milter_field_piece(struct milter *milter, struct slice piece);
void milter_field_done(struct milter *milter);
/* Octets of the body. The header ends with the first piece, be it empty. */
void milter_body_piece(struct milter *milter, struct slice piece);
/* The whole message has arrived: what the hooks say of it is in the recipients, or it has failed. */
void milter_end_message(struct milter *milter);

/* ---- milter_verdict.c ---- */

/* Gathers an answer. */
void milter_say(struct milter *milter, enum milter_answer answer, struct slice data);
/* Nothing if it was agreed (`mute`) that this packet has no answer. */
void milter_say_continue(struct milter *milter, uint32_t mute);
/* The reply for a refusal, by DESIGN's rule for hooks' errors (door.h). */
void milter_say_error(struct milter *milter, const GError *error);
/* Says what becomes of a message that has ended, or failed. */
void milter_conclude(struct milter *milter);
