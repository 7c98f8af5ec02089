#pragma once
/* Sockets that systemd made and passed (socket activation: sd_listen_fds(3), without its library). They stay systemd's: who stops leaves them as they are. */
#include "base/error.h"
#include "base/own.h"
#include "net/endpoint.h"

struct activation;

/* What $LISTEN_PID, $LISTEN_FDS and $LISTEN_FDNAMES say is taken over, and no child of this process sees it; before any other descriptor is opened. Never NULL. One
 * thread. */
struct activation *activation_take(void);
/* Closes what was not claimed. NULL is allowed. */
void activation_free(struct activation *activation);
OWN_DEFINE(activation, activation_free)
/* The descriptor, now the caller's, that listens on `endpoint`; -1: there is none. */
int activation_claim(struct activation *activation, const struct endpoint *endpoint);
/* RES_BAD: there is one that nobody has claimed; the error names it. */
enum res activation_check(const struct activation *activation, GError **error) MUST_CHECK;
