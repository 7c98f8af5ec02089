#pragma once
/* The hold queue: what waits for a moderator. Per-list cap (max_held) and expiry (max_days_to_hold); 0 is no cap and no expiry. All inside
 * a store_fn. */
#include "queue/posting.h"
#include "verdict/door_policy.h"

/* Held postings of a list, oldest first, at most 10,000: an array of struct posting. */
enum res hold_list(struct tx *tx, int64_t list_id, GPtrArray **postings, GError **error) MUST_CHECK;
/* RES_BAD (REPLY_LIST_BUSY): the list is at its cap. */
enum res hold_check_room(struct tx *tx, const struct list *list, GError **error) MUST_CHECK;
/* Makes room for one more if the list is at its cap: behind the queue the oldest unproven one is discarded, in front of it only a `known`
 * newcomer (a member, or proven) moves one.
 * RES_OK: there is room; `discarded` is the id of the one that went, or "". RES_BAD (REPLY_LIST_BUSY): full. */
enum res hold_make_room(struct tx *tx, const struct list *list, enum door_kind door, bool known, int64_t now, char discarded[17], GError **error) MUST_CHECK;
enum hold_decision { HOLD_ACCEPT, HOLD_REJECT, HOLD_DISCARD };
/* A moderator's decision: accept gives it a number and makes the delivery without judging again. RES_MORE: nothing held by that id on that list. */
enum res hold_decide(struct tx *tx, const struct list *list, const char *code, enum hold_decision decision, int64_t now, GError **error) MUST_CHECK;
/* Discards up to `limit` of what a list holds, before it is removed; `n` says how many. */
enum res hold_discard_all(struct tx *tx, int64_t list_id, int64_t now, int limit, int *n, GError **error) MUST_CHECK;
/* Discards up to `limit` held postings that have expired, of all lists; `n` says how many; `limit`: there may be more. `next` is when the next one
 * expires, `now` if there may be more, INT64_MAX if none. */
enum res hold_expire(struct tx *tx, int64_t now, int limit, int *n, int64_t *next, GError **error) MUST_CHECK;
