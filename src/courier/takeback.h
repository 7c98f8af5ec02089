#pragma once
/* At start: what this node had in hand when it died is taken back at once. Inside a store_fn. */
#include "store/store.h"
#include <glib.h>

struct takeback {
  int64_t taken;        /* deliveries that were in progress: each gets a strike */
  int64_t suspects;     /* open deliveries that will be run alone */
  GPtrArray *set_aside; /* char *: posting ids of deliveries set aside now */
};
void takeback_clear(struct takeback *takeback);

/* Claimed chunks and recipients wait again, with their attempts. A delivery whose strikes say that the process died while it was run alone
 * is set aside. */
enum res takeback_run(struct tx *tx, struct takeback *takeback, GError **error) MUST_CHECK;
