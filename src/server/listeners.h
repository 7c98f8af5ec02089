#pragma once
/* The listeners of all services and the threads of their sessions, all together bounded by max_sessions. */
#include "base/config.h"
#include "door/service.h"
#include "server/activation.h"
#include "server/live_config.h"

struct listeners;

/* Binds everything the configuration names (before privileges are dropped), but for what `activation` has already. `services`, by enum config_service, must outlive the listeners; what has no
 * `ops` is not there yet and is not bound, hooks and options may be filled in before listeners_start. A default listener that the machine lacks (its address, the folder
 * of a unix socket; where no mail is delivered, also: taken by another program) is left out with a warning; for configured ones that is an error. RES_BAD: the error
 * names the key and the listener, or what `activation` has and nobody asked for. */
enum res listeners_bind(const struct config *config, const struct service services[CONFIG_SERVICES], struct activation *activation, struct listeners **listeners,
                        GError **error) MUST_CHECK;
/* Begins to accept. `live` says who may connect; it and `options`, those of all services, must outlive the listeners. RES_TEMP: no room for a thread; then
 * listeners_stop is due. */
enum res listeners_start(struct listeners *listeners, struct live_config *live, struct door_options *options, GError **error) MUST_CHECK;
/* Stops accepting, ends idle sessions with 421, waits for the others up to `deadline` (monotonic). Those still at work then are cut off. */
void listeners_stop(struct listeners *listeners, int64_t deadline);
/* Unbinds, removes the unix sockets that were made here. NULL is allowed. */
void listeners_free(struct listeners *listeners);
OWN_DEFINE(listeners, listeners_free)
/* Sessions open now. Any thread. */
size_t listeners_sessions(struct listeners *listeners);
