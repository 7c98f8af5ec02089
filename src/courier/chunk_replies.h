#pragma once
/* The text kept with a chunk: who was passed over, and what the outlet said. Lines "skipped digest=3 disabled=1 own=0 copy=0", and "COUNT
 * REPLY": the next COUNT of the chunk's members, in their order, got that reply. */
#include "base/slice.h"
#include "courier/roster.h"
#include "courier/transmission.h"

/* "" if nobody was passed over; owned by the caller. */
char *chunk_replies_skipped(const struct roster_skips *skips, int64_t copy);
/* Adds to the numbers what a line "skipped …" in `replies` says. */
void chunk_replies_count_skipped(struct slice replies, struct roster_skips *skips, int64_t *copy);
/* Lines for all recipients that were sent to, in order; owned by the caller. */
char *chunk_replies_sent(const struct transmission *transmission);
/* The reply to the `member`th (from 0); empty if there is none. Borrowed from `replies`. Total. */
struct slice chunk_replies_of(struct slice replies, size_t member);
