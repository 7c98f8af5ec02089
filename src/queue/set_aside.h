#pragma once
/* What the guard against crash loops has taken out of the way (queue/suspect.h, courier/takeback.h), for whoever decides what becomes of it. All inside a store_fn. */
#include "store/store.h"
#include <glib.h>

struct set_aside_counts {
  int64_t deliveries; /* postings, accepted and not sent (any further) */
  int64_t messages;   /* that are answered 451 each time they come in */
  int64_t jobs;       /* mail for a handler, or for owners */
};
/* `counts` is set. */
enum res set_aside_count(struct tx *tx, struct set_aside_counts *counts, GError **error) MUST_CHECK;

struct set_aside_posting {
  char *code, *list, *sender, *subject;
  int64_t received_at;
};
void set_aside_posting_free(struct set_aside_posting *posting);
/* Up to `limit` of the postings, the oldest first: an array of struct set_aside_posting, owned by the caller. */
enum res set_aside_postings(struct tx *tx, int limit, GPtrArray **postings, GError **error) MUST_CHECK;

/* Gives a posting to its list's moderators, as if it had been held at `now`. RES_BAD: nothing is set aside by that id, it is no posting to a list that is there, or some members have
 * got it already. */
enum res set_aside_hold(struct tx *tx, const char *code, int64_t now, GError **error) MUST_CHECK;
