#pragma once
/* What speaks against a member's address: rows of the table bounce. All inside a store_fn. */
#include "store/store.h"

/* Stored: append only. */
enum bounce_kind {
  BOUNCE_REFUSED,        /* the outlet refused the recipient for good, in our own session */
  BOUNCE_RETURNED,       /* mail came back to the envelope sender of the member's own copy */
  BOUNCE_RETURNED_XVERP, /* mail came back to that of a batch, with the member's address behind it */
};

/* What came back may be a failure, a delay, or an automatic answer: that is not known yet. So many are kept of a member and a delivery; what comes after
 * says nothing more. */
#define BOUNCE_RETURNED_MAX 10

struct bounce {
  enum bounce_kind kind;
  int64_t list_id, member_id, delivery_id;
  const char *address; /* as it was sent to */
  int64_t at;
  const char *said; /* BOUNCE_REFUSED: the reply; else the id of the posting that came back, as shown */
};

/* Adds one; `kept` (may be NULL) is false if there were enough of that member and delivery. */
enum res bounce_create(struct tx *tx, const struct bounce *bounce, bool *kept, GError **error) MUST_CHECK;
/* Hands those of a member and a delivery to `fn`, the oldest first. What `bounce` points to is valid until it returns; it must not use `tx`. */
enum res bounce_each(struct tx *tx, int64_t member_id, int64_t delivery_id, void (*fn)(const struct bounce *bounce, void *arg), void *arg, GError **error) MUST_CHECK;
/* How often mail came back from a member for a delivery. */
enum res bounce_returned(struct tx *tx, int64_t member_id, int64_t delivery_id, int64_t *n, GError **error) MUST_CHECK;
/* Deletes up to `limit` seen before `before`; `n` says how many. */
enum res bounce_prune(struct tx *tx, int64_t before, int limit, int64_t *n, GError **error) MUST_CHECK;
