#pragma once
/* The hooks by which LMTP sessions reach lists and queue. */
#include "base/budget.h"
#include "door/door.h"
#include "list/list_index.h"
#include "server/live_config.h"

/* What the hooks need; filled in once, before listeners start. */
struct posting_door {
  struct store *store;
  struct list_index *index;
  struct live_config *live;
  struct budget *budget;
  void (*wake)(void *ctx);                 /* there is work for the courier */
  void (*kept)(void *ctx, enum role role); /* something is held, or kept for whoever reads mail to `role` */
  void *wake_ctx;                          /* of both */
};

/* Hooks over `door`, which must outlive them. */
struct door_hooks posting_door_hooks(struct posting_door *door);
