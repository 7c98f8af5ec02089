#pragma once
/* A connection being made that can be given up: a look-up or a connect() that hangs cannot be interrupted, so a thread of its own waits for it
 * and is left behind. */
#include "net/endpoint.h"

struct dial;

/* Begins. NULL: no room for a thread. */
struct dial *dial_new(const struct endpoint *endpoint, int64_t deadline);
/* Waits for the end. Results as endpoint_connect; RES_TEMP with REPLY_STOPPING if it was given up. Once. */
enum res dial_wait(struct dial *dial, int *fd, GError **error) MUST_CHECK;
/* Any thread, while the dial is not being freed: dial_wait ends at once. */
void dial_give_up(struct dial *dial);
/* May go on in the background until its deadline, if it was given up. NULL is allowed. */
void dial_free(struct dial *dial);
OWN_DEFINE(dial, dial_free)
