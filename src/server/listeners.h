#pragma once
/* The LMTP listeners and the threads of their sessions, bounded by max_sessions. */
#include "base/config.h"
#include "door/door.h"

struct listeners;

/* Binds everything the configuration names (before privileges are dropped). Addresses of the default that the machine lacks are skipped
 * with a warning; configured ones are errors. RES_BAD: the error names the listener. */
enum res listeners_bind(const struct config *config, struct listeners **listeners, GError **error) MUST_CHECK;
/* Begins to accept. `hooks` and `options` must outlive the listeners. RES_TEMP: no room for a thread; then listeners_stop is due. */
enum res listeners_start(struct listeners *listeners, const struct door_hooks *hooks, struct door_options *options, GError **error) MUST_CHECK;
/* Stops accepting, ends idle sessions with 421, waits for the others up to `deadline` (monotonic). Those still at work then are cut off. */
void listeners_stop(struct listeners *listeners, int64_t deadline);
/* Unbinds, removes the unix sockets that were made. NULL is allowed. */
void listeners_free(struct listeners *listeners);
OWN_DEFINE(listeners, listeners_free)
/* Sessions open now. Any thread. */
size_t listeners_sessions(struct listeners *listeners);
