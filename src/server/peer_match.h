#pragma once
/* Lists of peers: "unix", addresses, networks ("10.0.0.0/8", "2001:db8::/32"). */
#include "base/error.h"
#include "door/door.h"
#include <stdbool.h>

/* True if a peer is in `list` (NULL-terminated). `address` is numeric without port, NULL for a unix socket. Entries that are not understood
 * match nothing. */
bool peer_match(const char *const *list, const char *address);
/* What peer_match() wants of a peer: its address without port and brackets, NULL for a unix socket. Owned by the caller. */
char *peer_match_host(const struct door_peer *peer);
/* RES_BAD: an entry is not understood; the error names it. */
enum res peer_match_check(const char *const *list, GError **error) MUST_CHECK;
