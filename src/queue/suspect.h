#pragma once
/* The guard against crash loops, for what no delivery stands for yet, or no more: messages while they are judged and stored, and mail for handlers. What was
 * in hand (base/in_hand.h) when the process died gets a strike. At two it is a suspect, and is worked at alone; what the process dies of even then,
 * with nothing else in hand, is set aside: a message is answered 451 (the MTA keeps it), mail for a handler stays as it is. A step that
 * succeeds forgives. Deliveries have the same guard in courier/takeback.h. */
#include "base/clock.h"
#include "base/in_hand.h"
#include "base/slice.h"
#include "store/store.h"

#define STRIKES_ALONE 2
#define STRIKES_SET_ASIDE 12
/* Of a suspect that was alone and at work, and not waiting for its next hop: then the process was perhaps killed from outside. */
#define STRIKES_AT_WORK (STRIKES_SET_ASIDE - STRIKES_ALONE)

/* How long a suspect waits for others to finish. */
#define SUSPECT_PATIENCE (2 * CLOCK_SECOND)

/* At start, before any other work: strikes for what the last process had in hand; alarms for what is set aside by that. Reads the suspects among the messages
 * into memory. Outside a store_fn. */
enum res suspects_start(struct store *store, const char *path, GError **error) MUST_CHECK;
/* How many strikes a suspect among `deliveries` of which something was claimed gets for the death of the last process, besides those that it has got by suspects_start() if it was alone and at work.
 * 0: there was something else in hand, so that it may have been that. 1: it was alone. After suspects_start(). */
int64_t suspects_weight(int64_t deliveries);
/* What `retry` has forgiven. Outside a store_fn. */
enum res suspects_reload(struct store *store, GError **error) MUST_CHECK;
/* Everything is forgiven; `n`: how much of it was set aside. Inside a store_fn. */
enum res suspects_forgive(struct tx *tx, int64_t *n, GError **error) MUST_CHECK;

struct suspect_counts {
  int64_t messages, jobs; /* set aside */
};
/* Inside a store_fn. */
enum res suspects_count(struct tx *tx, struct suspect_counts *counts, GError **error) MUST_CHECK;

/* By which a message is known again when the MTA sends it once more. Not for keeping: it is quick, not secure. */
int64_t suspect_key(const char *reverse_path, struct slice octets);
/* May the work at that message begin? RES_OK: yes, beside others or alone (`alone`); suspect_end() ends it. RES_TEMP (REPLY_TROUBLE): not now, or, since it is set
 * aside, never. Blocks up to SUSPECT_PATIENCE. Any thread. */
enum res suspect_begin(int64_t key, bool *alone, GError **error) MUST_CHECK;
/* The message was answered: it is no suspect any more. Outside a store_fn. */
void suspect_end(struct store *store, int64_t key, bool alone);
