#pragma once
/* The courier as the server runs it: made from the configuration, made anew when a reload changes what concerns it. */
#include "base/config.h"
#include "courier/courier.h"
#include "store/store.h"

struct courier_host;

/* RES_BAD: an outlet cannot be used as it is configured; the error names its section. Nothing is connected or started. */
enum res courier_host_check(const struct config *config, GError **error) MUST_CHECK;
/* RES_BAD: what is configured cannot be used; RES_TEMP: the database, or no room for threads. */
enum res courier_host_start(struct store *store, const struct config *config, struct courier_host **host, GError **error) MUST_CHECK;
/* There may be work. Any thread. */
void courier_host_wake(struct courier_host *host);
/* Ends the pauses after an outlet was not reached, and looks for work. Any thread. */
void courier_host_retry(struct courier_host *host);
/* As courier_state. Any thread. */
void courier_host_state(struct courier_host *host, struct courier_state *state);
/* If outlets or [courier] differ: drains the courier and starts one with the new options. Calls from other threads do not wait for that. Else
 * certificates and passwords are read anew. One thread. */
void courier_host_reload(struct courier_host *host, const struct config *before, const struct config *after);
/* Nothing new is sent from now on. courier_host_free is still to be called. One thread. NULL is allowed. */
void courier_host_quiesce(struct courier_host *host);
/* Drains until `deadline` (monotonic). NULL is allowed. */
void courier_host_free(struct courier_host *host, int64_t deadline);
