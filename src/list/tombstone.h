#pragma once
/* What has left stays for a while, since the ledger names it: members, lists, domains. After that it goes. */
#include "store/store.h"

/* Inside a store_fn: takes away up to `limit` rows of what left before `before`: members, with their addresses where nobody else has them; then removed lists to which
 * no posting refers any more, with what is theirs, and domains without lists. `n` says how many; fewer than `limit`: there are no more. */
enum res tombstone_prune(struct tx *tx, int64_t before, int limit, int64_t now, int64_t *n, GError **error) MUST_CHECK;
/* Is there anything that has left? RES_MORE: no. */
enum res tombstone_any(struct tx *tx, GError **error) MUST_CHECK;
