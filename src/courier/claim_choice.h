#pragma once
/* Which delivery is next, and what of it: of those that have work, the one least recently served. Inside a store_fn. */
#include "courier/claim.h"

enum claim_kind {
  CLAIM_WAITING, /* what was claimed before: a chunk, or recipients with rows of their own, whose time has come */
  CLAIM_ROSTER,  /* the next members of the roster */
  CLAIM_KINDS
};

struct claim_candidate {
  enum claim_kind kind;
  int64_t delivery_id, served_at;
};

/* For the column delivery.due_at of the delivery $1, whenever something of it begins or ends to wait. */
#define CLAIM_DUE_AT                                                                                                                        \
  "(SELECT MIN(at) FROM (SELECT MIN(not_before) AS at FROM chunk WHERE delivery_id = $1 AND state = 0 "                                    \
  "UNION ALL SELECT MIN(next_at) FROM recipient WHERE delivery_id = $1 AND state = 0) AS waiting)"

/* RES_MORE: nothing is due. */
enum res claim_choose(struct tx *tx, const struct claim_options *options, struct claim_candidate *best, GError **error) MUST_CHECK;
/* When something that waits will be due, of the deliveries that are asked for; INT64_MAX: not before something new comes. */
enum res claim_next_at(struct tx *tx, const struct claim_options *options, int64_t *next_at, GError **error) MUST_CHECK;
