#pragma once
/* What nobody needs any more goes, in slices: octets, and at last the rows of old postings with the keys by which repeats are known. Their deliveries are the
 * courier's (courier/ledger.h), and go first. */
#include "store/store.h"
#include <stdatomic.h>
#include <stdbool.h>

/* `[retention]`, microseconds. */
struct retention_options {
  int64_t messages; /* octets stay at least so long; 0: they go as soon as nothing needs them */
  int64_t dedupe;
  int64_t ledger;   /* postings, but not before the keys by which their repeats are known */
};

/* Takes away what may go, in small transactions; `removed` is how many rows and messages' octets went. Ends early when `stop` (may be NULL)
 * becomes true. Octets go if no posting of the message is held, kept as a job, or on its way out. Cheap if there is nothing to do. Outside
 * a store_fn; one thread at a time. */
enum res retention_sweep(struct store *store, const struct retention_options *options, int64_t now, const _Atomic bool *stop, int64_t *removed,
                         GError **error) MUST_CHECK;
