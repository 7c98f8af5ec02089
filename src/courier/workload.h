#pragma once
/* How much waits for the outlet. All inside a store_fn. */
#include "store/store.h"

struct workload {
  int64_t chunks_waiting;      /* whole chunks to be tried again */
  int64_t chunks_sending;
  int64_t recipients_waiting;  /* with rows of their own */
  int64_t recipients_due;      /* of them: whose time has come */
  int64_t recipients_sending;
  int64_t oldest_at;           /* the first refusal of those waiting; 0: none */
  int64_t next_at;             /* when the next of them is tried; 0: none */
};
/* What waits now. */
enum res workload_read(struct tx *tx, int64_t now, struct workload *workload, GError **error) MUST_CHECK;

/* The operator's `retry`: up to `limit` waiting recipients are due now, and so are all waiting chunks; deliveries set aside are open again,
 * without strikes. `n` says how many rows changed; call again until it is 0, then wake the courier. */
enum res workload_retry(struct tx *tx, int limit, int64_t *n, GError **error) MUST_CHECK;
