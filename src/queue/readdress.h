#pragma once
/* Copies on their way to somebody whose address has changed: table recipient holds addresses as text, for those who were refused before and
 * for mail to owners. (Rosters and chunks name members alone, and need nothing.) */
#include "store/store.h"
#include <glib.h>

/* How many copies wait for `members`; changes nothing. Read in slices; outside a store_fn. RES_TEMP: the database. */
enum res readdress_count(struct store *store, const int64_t *members, size_t n_members, int64_t *n, GError **error) MUST_CHECK;
/* All that waits for `members`, or is being sent to them now and may have to be tried again, goes to `address` from now on. `n`: how many. Read
 * and written in slices; outside a store_fn. RES_TEMP: the database; some may have been changed, and it may be run again. */
enum res readdress_waiting(struct store *store, const int64_t *members, size_t n_members, const char *address, int64_t *n, GError **error) MUST_CHECK;
