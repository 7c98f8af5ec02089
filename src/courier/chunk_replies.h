#pragma once
/* The text kept with a chunk: who was passed over, and what the outlet said. Lines:
 *
 *   skipped digest=3 disabled=1 own=0 copy=1 member=17   members passed over; those with one copy already also by their ids
 *   broke AT VIA<tab>WHY    an attempt that nobody was answered in (courier/attempts.h)
 *   via VIA AT              who says what follows, and when: struct transmission_reply
 *   COUNT REPLY             the next COUNT of the chunk's members, in their order, got that reply
 *   +SHARED STEP REST       the next member got a reply in the next transaction of the same connection, STEP milliseconds (base 36) later: the first SHARED octets
 *                           (a digit of base 62) of the reply before, then REST
 *
 * The last is what most lines of personal copies are: replies of one server differ in the queue id alone. */
#include "courier/attempts.h"
#include "courier/roster.h"
#include "smtp/transmission.h"

/* --- writing --- */

/* Who was passed over when the roster was read. "" if nobody was; owned by the caller. */
char *chunk_replies_skipped(const struct roster_skips *skips, int64_t copy);
/* Who was skipped in `transmission`, whose recipients are `targets`. The same. */
char *chunk_replies_not_sent(const struct transmission *transmission, const GArray *targets);
/* That an attempt broke; owned by the caller. */
char *chunk_replies_broken(const char *via, const char *why, int64_t now);
/* Lines for all recipients that were sent to, in order; owned by the caller. */
char *chunk_replies_sent(const struct transmission *transmission);

/* --- reading; total: what is damaged is passed over --- */

struct chunk_skips {
  struct roster_skips roster;
  int64_t copy;    /* addressed directly, and wanting one copy only */
  int64_t removed; /* the list was removed before they were sent to */
};
/* Adds to the numbers what lines "skipped …" say. */
void chunk_replies_count_skipped(struct slice replies, struct chunk_skips *skips);
/* True: that member was passed over because it is addressed directly. */
bool chunk_replies_passes_over(struct slice replies, int64_t member_id);
/* Cuts off `rest` all up to the next attempt that broke; false: there is none. Borrowed. */
bool chunk_replies_next_broken(struct slice *rest, struct attempt *attempt);

/* Goes along the members of a chunk. */
struct chunk_reply {
  GString *text, *via; /* of the member gone to last; "" if nothing is known */
  int64_t at;          /* 0: not known */
  struct slice rest;   /* private, like the one below: lines to come, members that the last one goes for */
  int64_t left;
};
/* Before the first member. `replies` is borrowed until the end. */
void chunk_reply_begin(struct chunk_reply *reply, struct slice replies);
/* To the next member. */
void chunk_reply_next(struct chunk_reply *reply);
/* Gives back what it holds. */
void chunk_reply_end(struct chunk_reply *reply);
