#pragma once
/* A message that is arriving: in memory, bounded by the shared budget; over 256 KiB it is also written to the database in pieces by small
 * transactions while it arrives, so that the accepting transaction only joins them. One thread at a time. */
#include "base/budget.h"
#include "base/own.h"
#include "base/slice.h"
#include "store/store.h"
#include <glib.h>

#define INCOMING_PIECE (256 * 1024)

struct incoming;

/* `size` is what the peer announced, 0 if nothing: so much of the budget is taken at once, more as more comes. `store`: NULL if it is only looked at, and never stored.
 * RES_TEMP (REPLY_FULL): no room. */
enum res incoming_new(struct store *store, struct budget *budget, int64_t size, struct incoming **incoming, GError **error) MUST_CHECK;
/* Pieces already written are taken away again unless they were accepted. NULL is allowed. Outside a store_fn. */
void incoming_free(struct incoming *incoming);
OWN_DEFINE(incoming, incoming_free)
/* RES_TEMP: REPLY_FULL or REPLY_TROUBLE; nothing more may be appended then. Outside a store_fn. */
enum res incoming_append(struct incoming *incoming, struct slice octets, GError **error) MUST_CHECK;
/* Gives back the memory; the message will not be accepted, and only incoming_free is allowed after it. NULL is allowed. */
void incoming_drop(struct incoming *incoming);
/* All octets so far; borrowed until the next append. */
struct slice incoming_octets(const struct incoming *incoming);
/* Inside the accepting store_fn, once in each run of it: the id of the message row, with all octets. RES_TEMP: trouble, or the pieces were swept. */
enum res incoming_store(const struct incoming *incoming, struct tx *tx, int64_t now, int64_t *message_id, GError **error) MUST_CHECK;
/* The accepting transaction has committed: the pieces stay. Without it incoming_free asks the database. */
void incoming_accepted(struct incoming *incoming);
/* At start: takes away the pieces of messages that were never accepted, in slices. Outside a store_fn. */
enum res incoming_sweep(struct store *store, GError **error) MUST_CHECK;
