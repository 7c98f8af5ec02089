#pragma once
/* What waits for a time of the wall clock, after somebody has set that clock back: nothing waits longer than its interval from now. (After it was set
 * forward all is due the earlier.) */
#include "courier/retry.h"
#include "store/store.h"

/* Inside a store_fn. Recipients and chunks are clamped to the pause that their attempts so far ask for; deliveries count as served now at the latest. `n`: rows put
 * right, `limit` or a few more at most: call again (in a new transaction) until it is 0. */
enum res clamp_slice(struct tx *tx, const struct retry_schedule *retry, int64_t now, int64_t limit, int64_t *n, GError **error) MUST_CHECK;

/* All of it, in transactions of its own, by the clock as it is; logged if anything was put right. Not inside a store_fn; any thread. */
enum res clamp_all(struct store *store, const struct retry_schedule *retry, GError **error) MUST_CHECK;
