#pragma once
/* One message on its way to an outlet: shared octets, many recipients, and what became of each. One thread at a time. */
#include "base/error.h"
#include "base/slice.h"
#include <glib.h>
#include <stdbool.h>

enum outcome {
  OUTCOME_PENDING,  /* no answer yet: to be tried (again) */
  OUTCOME_SENT,     /* the outlet has taken it */
  OUTCOME_DEFERRED, /* refused for now (4xx), or nobody knows whether it was taken */
  OUTCOME_FAILED,   /* refused for good, for a reason that lies in the message or the outlet */
  OUTCOME_BOUNCED,  /* refused for good, for a reason that lies in the recipient */
  OUTCOME_SKIPPED,  /* not to be sent to after all */
};

struct transmission_recipient {
  const char *address; /* borrowed */
  enum outcome outcome;
  bool accepted; /* private to the outlet: in the transaction that is running */
  int reply;     /* in `replies`; -1: none */
};

struct transmission {
  const char *reverse_path;  /* "" for the null one */
  struct slice header, body; /* header ends with the empty line */
  bool eight_bit;            /* either holds octets above 127 */
  bool header_utf8;          /* it came with SMTPUTF8 and the header holds octets above 127 */
  struct transmission_recipient *recipients;
  size_t n;
  GPtrArray *replies; /* char *: what the outlet said */
  int refused;        /* the reply that refused the message as a whole for good; -1: none did */
};

/* Room for `n` recipients, all pending without address. */
void transmission_init(struct transmission *transmission, size_t n);
void transmission_clear(struct transmission *transmission);

/* Keeps a reply's text (taken over) and gives its number. */
int transmission_reply(struct transmission *transmission, char *text);
/* The same for a reply of ours. */
int transmission_own_reply(struct transmission *transmission, enum reply reply, const char *detail);
/* What the outlet said to a recipient, "" if nothing. Borrowed. */
const char *transmission_reply_of(const struct transmission *transmission, size_t recipient);
/* Recipients that are pending. */
size_t transmission_pending(const struct transmission *transmission);
/* Gives all pending recipients (`accepted_only`: of the running transaction) an outcome and a reply. */
void transmission_settle(struct transmission *transmission, bool accepted_only, enum outcome outcome, int reply);
/* Octets of the message, dots not stuffed. */
int64_t transmission_size(const struct transmission *transmission);

/* True: some octet is above 127. */
bool octets_are_8bit(struct slice octets);
