#pragma once
/* Room in the file that is not used: pages of rows that are gone. New rows take them first; what is much more than that goes back to the system. */
#include "store/store.h"

struct space {
  int64_t pages, free; /* of the file; of them unused */
};

/* Inside a store_fn. */
enum res space_read(struct tx *tx, struct space *space, GError **error) MUST_CHECK;
/* Inside a store_fn: true if so much is unused that it is worth giving back. What is kept for new rows is the greater of an eighth of the file and 16 MiB. */
bool space_is_much(const struct space *space);
/* Inside a store_fn that may write: gives one slice of unused pages back, some milliseconds' work; the file is cut by a later checkpoint. */
enum res space_give_back(struct tx *tx, GError **error) MUST_CHECK;
