#pragma once
/* What must happen as time goes by: holds expire, owners' mail finds its owners, remembered keys and old ledger rows go, in slices. A
 * thread that sleeps until there is something to do: for good while nothing is stored, else an hour. */
#include "server/live_config.h"
#include "store/store.h"

struct housekeeping;

/* `wake` (called in the thread) is told that there is work for the courier. NULL: the system has no room for a thread. */
struct housekeeping *housekeeping_start(struct store *store, struct live_config *live, void (*wake)(void *ctx), void *wake_ctx);
/* Looks now. Any thread. */
void housekeeping_wake(struct housekeeping *housekeeping);
/* Something was stored: makes sure that it will be looked at in time. Cheap. Any thread. */
void housekeeping_stir(struct housekeeping *housekeeping);
/* NULL is allowed. */
void housekeeping_free(struct housekeeping *housekeeping);
OWN_DEFINE(housekeeping, housekeeping_free)
