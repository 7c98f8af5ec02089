#pragma once
/* One meaning of a transaction's recipients (a list, or a role of it), from judgement to rows. For intake.c. */
#include "queue/intake.h"
#include "queue/repeat.h"
#include "queue/success_report.h"

/* What all items of a message share. */
struct intake {
  const struct intake_options *options;
  const struct intake_message *message;
  const struct content *content;
  enum proof proof;
  const char *subject; /* decoded, cut */
};

struct item {
  const struct intake *intake;
  const struct list_target *target;
  unsigned char key[REPEAT_KEY];
  struct verdict verdict; /* ROLE_POST only */
  enum proof proof;       /* under which that is done: the message's, or PROOF_FRONT */
  bool stranger;          /* no sender of the message is a member; only if judged now */
  GArray *asking;         /* struct success_report_recipient: those of its recipients whose sender wants a report; NULL if none */
  bool settled;           /* nothing is to be stored: the results are final */
  /* Results; item_keep sets them anew in each run. */
  enum reply reply;
  char code[17];
  char *reason; /* "" if none */
  bool repeated, wake, orphan;
  bool reported; /* the sender is told of its success */
  char displaced[17]; /* the held posting that made room, or "" */
};
void item_clear(struct item *item);
/* `recipient` is one of those that mean this item; it must outlive it. */
void item_add_recipient(struct item *item, const struct intake_recipient *recipient);

/* Looks for a repeat, judges (behind the queue: unless a verdict was given in front of it), and settles what needs no row: refusals, discards, what is taken and dropped; if
 * nothing is to be kept (intake_message.judge_only) everything. In a store_read. */
enum res item_judge(struct tx *tx, struct item *item, GError **error) MUST_CHECK;
/* Refused, but the message is not: what it would be behind the queue (DESIGN 6), and held where that is a refusal, too. */
void item_soften(struct item *item);
/* The message's row, stored when the first item needs it. */
struct message_row {
  const struct incoming *incoming;
  int64_t id; /* 0: not yet */
};
/* Stores the item. RES_OK also if it is answered without a row (REPLY_LIST_BUSY, REPLY_UNKNOWN_LIST). In a store_write. */
enum res item_keep(struct tx *tx, struct item *item, struct message_row *row, GError **error) MUST_CHECK;
