#pragma once
/* Which delivery is next, and what of it: of those that have work, the one least recently served. Inside a store_fn. */
#include "courier/claim.h"

enum claim_kind {
  CLAIM_CHUNK,      /* a chunk that waits */
  CLAIM_RECIPIENTS, /* recipients with rows of their own whose time has come */
  CLAIM_ROSTER,     /* the next members of the roster */
  CLAIM_KINDS
};

struct claim_candidate {
  enum claim_kind kind;
  int64_t delivery_id, served_at, chunk_id;
};

/* RES_MORE: nothing is due. */
enum res claim_choose(struct tx *tx, const struct claim_options *options, struct claim_candidate *best, GError **error) MUST_CHECK;
/* When something that waits will be due, of the deliveries that are asked for; INT64_MAX: not before something new comes. */
enum res claim_next_at(struct tx *tx, const struct claim_options *options, int64_t *next_at, GError **error) MUST_CHECK;
