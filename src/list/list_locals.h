#pragma once
/* The names of lists alone, in bulk: for what is made of all of them. Inside a store_fn. */
#include "base/error.h"
#include "base/slice.h"
#include "store/store.h"
#include <stdbool.h>
#include <stdint.h>

/* Calls `take` with the local part of each list of the domain, sorted by octets, as they are read. Ends with the first result that is not RES_OK, and gives it. */
enum res list_locals_each(struct tx *tx, int64_t domain_id, enum res (*take)(void *ctx, const char *local, GError **error), void *ctx, GError **error) MUST_CHECK;
/* RES_OK: there is a list of that (folded) local part; RES_MORE: there is none. */
enum res list_locals_find(struct tx *tx, int64_t domain_id, struct slice local, GError **error) MUST_CHECK;

/* Which lists and domains there were. Zeroed: nothing is known. */
struct list_locals_mark {
  bool known;
  int64_t generation, domain_generation, last_id;
};
/* Sets `now`; `changed`: a list or domain has come or gone since `before`. What else has changed of a list does not count. Cheap: reads what has changed alone. */
enum res list_locals_mark(struct tx *tx, const struct list_locals_mark *before, struct list_locals_mark *now, bool *changed, GError **error) MUST_CHECK;
