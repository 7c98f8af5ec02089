#pragma once
/* The hooks by which the doors' sessions reach lists and queue. */
#include "base/budget.h"
#include "door/door.h"
#include "list/list_index.h"
#include "server/live_config.h"

/* What a door is for. */
enum posting_door_kind {
  POSTING_DOOR_DELIVERY, /* behind the MTA's queue: LMTP. The answer to RCPT depends on recipient and SIZE alone, but for [lmtp] callout_listen */
  POSTING_DOOR_FRONT,    /* in front of it, and we take the message: SMTP. One reply for all recipients (intake_message.one_reply) */
  POSTING_DOOR_JUDGE,    /* in front of it, and nothing but the verdict is kept: milter, readsocket; policy and socketmap, which only ask */
  POSTING_DOOR_KINDS,
};

/* What the hooks need; filled in once, before listeners start. */
struct posting_door {
  struct store *store;
  struct list_index *index;
  struct live_config *live;
  struct budget *budget;
  void (*wake)(void *ctx);                 /* there is work for the courier */
  void (*kept)(void *ctx, enum role role); /* something is held, or kept for whoever reads mail to `role`, or until time takes it away */
  void *wake_ctx;                          /* of both */
  struct posting_door_side {
    struct posting_door *door;
    enum posting_door_kind kind;
  } sides[POSTING_DOOR_KINDS]; /* made by posting_door_hooks() */
};

/* Hooks over `door`, which must outlive them, for doors of that kind. */
struct door_hooks posting_door_hooks(struct posting_door *door, enum posting_door_kind kind);
/* All octets of a message so far, between message_begin and reset; borrowed until more come. */
struct slice posting_door_octets(const struct door_transaction *transaction);
