#pragma once
/* The next hops of the outlets, as a running server tells them (server/control.h, "hop" lines). */
#include "cli/cli.h"

/* The lines among `lines` that are about next hops, as an array of objects: outlet ("" is the default one), hop, up, down_since, next_try, error,
 * window, connections; times as texts, "" if it is up. Owned by the caller. */
json_t *next_hops_of(const GPtrArray *lines, bool json);
/* "127.0.0.1:25 of [outlet NAME]"; owned by the caller. */
char *next_hop_name(const json_t *hop);
/* "up, window 4, connections 2" or "down since …, next try …: why", without control characters; owned by the caller. */
char *next_hop_text(const json_t *hop);
