#pragma once
/* What must happen as time goes by: holds expire, owners' mail finds its owners, remembered keys and old ledger rows go, in slices. A
 * thread that sleeps until there is something to do: for good while nothing is stored, else an hour. */
#include "server/live_config.h"
#include "store/store.h"

struct housekeeping;

/* `wake` (called in the thread) is told that there is work for the courier. NULL: the system has no room for a thread. */
struct housekeeping *housekeeping_start(struct store *store, struct live_config *live, void (*wake)(void *ctx), void *wake_ctx);
/* The same without a thread: rounds are the caller's to run. */
struct housekeeping *housekeeping_new(struct store *store, struct live_config *live, void (*wake)(void *ctx), void *wake_ctx);
/* Does all there is to do at `now` (epoch µs, the same below); gives when to look again, INT64_MAX: not before something is stored. A step that fails is an alarm,
 * once an hour for the same reason, and does not keep the others from being done. One at a time. */
int64_t housekeeping_round(struct housekeeping *housekeeping, int64_t now);
/* Looks now. Any thread. */
void housekeeping_wake(struct housekeeping *housekeeping);
/* Something was stored: makes sure that it will be looked at in time. Cheap. Any thread. */
void housekeeping_stir(struct housekeeping *housekeeping);
/* NULL is allowed. */
void housekeeping_free(struct housekeeping *housekeeping);
OWN_DEFINE(housekeeping, housekeeping_free)
