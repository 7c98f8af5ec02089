#pragma once
/* Bans: an address or a ^pattern (PCRE2, matched at the start, case-insensitive, with match limits), for a list or the whole site. All
 * inside a store_fn. */
#include "list/list.h"

/* `list_id` 0: the site. RES_BAD: not an address and not a valid pattern. `changed` false: it was there (not there) already. */
enum res ban_add(struct tx *tx, int64_t list_id, const char *ban, int64_t now, bool *changed, GError **error) MUST_CHECK;
enum res ban_remove(struct tx *tx, int64_t list_id, const char *ban, bool *changed, GError **error) MUST_CHECK;
/* Sorted; an array of char *. */
enum res ban_list(struct tx *tx, int64_t list_id, GPtrArray **bans, GError **error) MUST_CHECK;
/* RES_OK: `ban` (owned by the caller) hits the folded address `key` on this list or site-wide; RES_MORE: none does. A pattern that exceeds
 * its match limit does not hit, and is logged. */
enum res ban_match(struct tx *tx, int64_t list_id, const char *key, char **ban, GError **error) MUST_CHECK;
