#pragma once
/* The verdict in front of the MTA's queue, over doors that do not take the message themselves (milter, Exim's DATA ACL): given to the author at once, remembered, and obeyed by
 * the delivery over LMTP that follows (DESIGN 2 and 6). The delivery finds it by list and key (queue/repeat.h); one that does not, since the MTA has changed the message, is judged
 * anew. It stands as it was given for [retention] dedupe, whatever changes meanwhile: the author has heard it. What is judged in front once more gets a new one. */
#include "base/clock.h"
#include "queue/intake.h"
#include "queue/repeat.h"

/* As intake_message(), but nothing is kept except the verdicts on postings: each recipient gets the reply that the author is to see (250: REPLY_OK, REPLY_WILL_BE_HELD,
 * REPLY_DISCARDED, or what a repeat gets). Mail for roles is taken. The author counts as told of a refusal if nobody gets the message: no recipient of ours, and no `others`. `message` as
 * for DOOR_FRONT; its one_reply and pass_on are not looked at. Durable when it returns. Never fails: trouble is a result. Any thread; outside a store_fn. */
void front_judge(struct store *store, const struct intake_options *options, const struct intake_message *message, struct intake_recipient *recipients, size_t n);

/* The verdict that was given for this key after `since`. RES_OK: `verdict`, which is empty before, is filled in, to be cleared with verdict_clear(); `told`: it is a refusal, and
 * the author was told. RES_MORE: none. Inside a store_fn. */
enum res front_find(struct tx *tx, int64_t list_id, const unsigned char key[REPEAT_KEY], int64_t since, struct verdict *verdict, bool *told, GError **error) MUST_CHECK;
/* Where nobody got the message no delivery follows, unless its MTA is odd, and of such there may be many: they are kept for so long at most. */
#define FRONT_TOLD_TIME CLOCK_DAY
/* At most `limit` of the verdicts from before `now` - `window` go; `n`: how many. Inside a store_fn. */
enum res front_prune(struct tx *tx, int64_t now, int64_t window, int limit, int *n, GError **error) MUST_CHECK;
