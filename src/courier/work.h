#pragma once
/* A claimed piece of work, from the message's octets to what became of it; work_step.h records that. A thread's own. */
#include "courier/claim.h"
#include "outlet/outlet.h"
#include "courier/parcel.h"
#include "courier/record.h"

/* What all pieces of work share. Read-only. */
struct work_tools {
  struct store *store;
  struct parcel_shelf *shelf;
  struct retry_schedule retry;
  size_t chunk_size;
  char **personal_domains; /* keys */
};

struct work {
  struct claim *claim;
  struct parcel *parcel;    /* NULL: it could not be had */
  struct transmission mail; /* recipient i is the claim's target i */
  GPtrArray *texts;         /* char *: what `mail` borrows */
  enum outlet_result result;
  bool reached; /* the outlet was asked: `result` says something about it */
  char *why;    /* of BROKEN and DOWN, else "" */
};

/* Takes over `claim`, loads and sends by `outlet`. Blocks on the network. */
void work_send(struct work *work, const struct work_tools *tools, struct outlet *outlet, struct claim *claim);
void work_clear(struct work *work);
