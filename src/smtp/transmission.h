#pragma once
/* One message on its way to an outlet: shared octets, many recipients, what is each recipient's own, and what became of each. One thread at
 * a time. */
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

/* Copies of one message for many recipients in a transaction, or a copy for each, with its own envelope sender. Stored: append only. */
enum shape { SHAPE_BATCH, SHAPE_PERSONAL };

/* Places of the shared octets where a personal copy says something of its own, in the order in which they stand there. */
enum slot {
  SLOT_UNSUBSCRIBE, /* the field List-Unsubscribe (and List-Unsubscribe-Post): what the pipeline adds stands on top */
  SLOT_TO,          /* the field To */
  SLOT_FOOTER,      /* the end of the body */
  SLOT_COUNT
};

/* What stands there in the shared octets: `n` octets from `at` on, counted from the start of the header over header and body; whole lines. */
struct slot_place {
  size_t at, n;
};

/* The octets of a message, the slots filled as in a batch. */
struct copy_form {
  struct slice header, body; /* header ends with the empty line */
  bool eight_bit;            /* either holds octets above 127 */
  bool header_utf8;          /* needs SMTPUTF8: the header holds octets above 127, and it came so */
  bool has_slot[SLOT_COUNT];
  struct slot_place slots[SLOT_COUNT]; /* ascending */
};

/* The forms of a message: as it is, and what is made of it for servers that can do less. */
enum form {
  FORM_AS_IS,
  FORM_ASCII_HEADER, /* for one without SMTPUTF8 */
  FORM_SEVEN_BIT,    /* for one without 8BITMIME */
  FORM_COUNT
};

struct transmission_recipient {
  const char *address;  /* as it is sent to; borrowed */
  const char *original; /* as it was subscribed, for ORCPT; borrowed; NULL: `address` */
  enum outcome outcome;
  int reply;            /* in `replies`; -1: none */
  unsigned transaction; /* private to the outlet: the running one that it is in; 0: none */
  bool accepted;        /* private to the outlet: in that transaction */
  /* SHAPE_PERSONAL; borrowed */
  const char *reverse_path;
  struct slice own[SLOT_COUNT]; /* whole lines; p NULL: what the shared octets say */
};

/* Something the outlet said. */
struct transmission_reply {
  char *text;
  char *via;  /* who said it: "127.0.0.1:25 4/17", the 17th transaction of the 4th connection to that next hop; "" if it was us */
  int64_t at; /* epoch microseconds */
};

struct transmission {
  enum shape shape;
  const char *reverse_path; /* of a batch; "" for the null one */
  const char *envelope_id;  /* ENVID: the posting's id; NULL: none */
  const struct copy_form *as_is;
  /* Makes another form (never FORM_AS_IS), or gives what was made. RES_BAD: it cannot be made; the error carries the reply for all recipients. RES_TEMP: not now. NULL:
   * there are no other forms. The form lives as long as the transmission. */
  enum res (*make_form)(void *arg, enum form form, const struct copy_form **made, GError **error);
  void *make_form_arg;
  struct transmission_recipient *recipients;
  size_t n;
  GPtrArray *replies; /* struct transmission_reply * */
  char via[80];       /* who is being talked to: kept with each reply */
  int refused;        /* the reply that refused the message as a whole for good; -1: none did */
  bool many_refused;  /* the outlet's: so many recipients in a row were refused that a connection was given up */
};

/* Room for `n` recipients, all pending without address. */
void transmission_init(struct transmission *transmission, enum shape shape, size_t n);
void transmission_clear(struct transmission *transmission);

/* Keeps a reply's text (taken over) and gives its number. */
int transmission_reply(struct transmission *transmission, char *text);
/* The same for a reply of ours. */
int transmission_own_reply(struct transmission *transmission, enum reply reply, const char *detail);
/* What was said to a recipient; NULL: nothing. Borrowed. */
const struct transmission_reply *transmission_reply_of(const struct transmission *transmission, size_t recipient);
/* Its text, "" if nothing. Borrowed. */
const char *transmission_text_of(const struct transmission *transmission, size_t recipient);
/* Recipients that are pending. */
size_t transmission_pending(const struct transmission *transmission);
/* Gives all pending recipients an outcome and a reply. */
void transmission_settle(struct transmission *transmission, enum outcome outcome, int reply);

/* The envelope sender of a recipient's copy. */
const char *transmission_sender(const struct transmission *transmission, size_t recipient);
/* Slices that make up a copy at most. */
#define COPY_PIECES_MAX (2 * SLOT_COUNT + 2)
/* The octets of `recipient`'s copy in that form, in order; gives how many slices. In a batch they are those of any recipient. */
size_t transmission_pieces(const struct transmission *transmission, const struct copy_form *form, size_t recipient, struct slice pieces[COPY_PIECES_MAX]);
/* Octets of that copy, dots not stuffed. */
int64_t transmission_size(const struct transmission *transmission, const struct copy_form *form, size_t recipient);
/* True: what `recipient`'s copy says of its own at `slot` has octets above 127. */
bool transmission_own_is_8bit(const struct transmission *transmission, const struct copy_form *form, size_t recipient, enum slot slot);

/* True: some octet is above 127. */
bool octets_are_8bit(struct slice octets);
