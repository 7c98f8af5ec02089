#pragma once
/* What became of a piece of work, written down. Inside a store_fn. */
#include "courier/claim.h"
#include "outlet/outlet.h"
#include "courier/retry.h"

/* A chunk whose transactions broke so often without getting anywhere is given up: its recipients get rows of their own, and their lifetime begins. */
#define RECORD_BREAKS_MAX 5
/* Pause after a break: this, doubling, up to the other. */
#define RECORD_BREAK_FIRST (1 * CLOCK_SECOND)
#define RECORD_BREAK_LAST (5 * CLOCK_MINUTE)

struct record {
  const struct claim *claim;
  const struct transmission *mail; /* recipient i is the claim's target i */
  enum outlet_result result;
  const char *why;     /* of DOWN and BROKEN */
  struct slice header; /* to be kept with the delivery; empty: it is already */
  const struct retry_schedule *retry;
  int64_t now;
};

/* Recipients, by what was recorded. */
struct record_counts {
  int64_t sent, deferred, failed, expired, skipped, again;
};

/* Chunk, rows of recipients and bounces; the delivery's strikes are forgotten; it is done if nothing is left. `counts` is set. */
enum res record_outcomes(struct tx *tx, const struct record *record, struct record_counts *counts, GError **error) MUST_CHECK;
