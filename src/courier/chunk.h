#pragma once
/* Recipients sent to together: the rows of the table chunk. The done ones are the ledger. All inside a store_fn. */
#include "courier/roster_chunk.h"
#include "courier/target.h"
#include "smtp/transmission.h"
#include "store/store.h"

enum chunk_state { CHUNK_WAITING, CHUNK_CLAIMED, CHUNK_DONE };

struct chunk_new {
  int64_t delivery_id;
  enum chunk_state state;
  enum shape shape; /* of the copies its members get */
  int attempts;
  int64_t not_before; /* CHUNK_WAITING */
  int64_t now;
  const int64_t *members;
  size_t n;
  const char *replies; /* lines, see chunk_replies.h */
};
/* `id` may be NULL. */
enum res chunk_create(struct tx *tx, const struct chunk_new *chunk, int64_t *id, GError **error) MUST_CHECK;
/* The first one of a delivery whose time has come. RES_MORE: there is none. */
enum res chunk_due(struct tx *tx, int64_t delivery_id, int64_t now, int64_t *id, GError **error) MUST_CHECK;
/* Takes a waiting one: its members who still get mail become `targets`, for copies of that `shape`. `lost` says that the row could not be read; it has no
 * targets then. */
enum res chunk_claim(struct tx *tx, int64_t id, int64_t now, GArray *targets, enum shape *shape, int *attempts, bool *lost, GError **error) MUST_CHECK;
/* It was sent to `members`; `replies` are added to what stands there. */
enum res chunk_finish(struct tx *tx, int64_t id, const int64_t *members, size_t n, const char *replies, int64_t now, GError **error) MUST_CHECK;
/* What is to be tried again. */
struct chunk_again {
  const int64_t *members;
  size_t n;
  int attempts;
  int64_t not_before;
  const char *replies; /* added to what stands there */
};
/* It waits again. */
enum res chunk_release(struct tx *tx, int64_t id, const struct chunk_again *again, GError **error) MUST_CHECK;
