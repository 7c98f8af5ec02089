#pragma once
/* Where to listen or connect: "127.0.0.1:8024", "[::1]:8024", "/run/x.sock", "unix:/run/x.sock", "host:25" (connect only). */
#include "base/error.h"
#include "base/own.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct endpoint {
  char *host; /* NULL for a unix socket */
  int port;
  char *path; /* NULL for TCP */
};

/* RES_BAD: the text is not an endpoint; the error says what one looks like. */
enum res endpoint_parse(const char *text, struct endpoint **endpoint, GError **error) MUST_CHECK;
void endpoint_free(struct endpoint *endpoint);
OWN_DEFINE(endpoint, endpoint_free)

/* The text form again; owned by the caller. */
char *endpoint_text(const struct endpoint *endpoint);

struct endpoint_access {
  mode_t mode;       /* of a unix socket */
  const char *group; /* NULL or "": leave */
};

/* A listening descriptor, non-blocking, close-on-exec. A unix socket that nobody listens on any more is replaced; one that is alive is an
 * error; anything that is no socket is never removed. RES_MORE: the machine does not have that address (EADDRNOTAVAIL, EAFNOSUPPORT, no
 * folder for the unix socket). RES_BAD: taken, forbidden, unknown group, no numeric address, …. In both cases the error names the endpoint.
 * Port 0: the kernel chooses. */
enum res endpoint_listen(const struct endpoint *endpoint, const struct endpoint_access *access, int *fd, GError **error) MUST_CHECK;
/* Connects before `deadline` (monotonic microseconds), trying every address of the name. The descriptor is non-blocking and close-on-exec.
 * The resolver's own time-outs apply to the look-up. RES_TEMP: not reached (REPLY_TIMEOUT, REPLY_TROUBLE). */
enum res endpoint_connect(const struct endpoint *endpoint, int64_t deadline, int *fd, GError **error) MUST_CHECK;
