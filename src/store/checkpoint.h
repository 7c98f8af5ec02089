#pragma once
/* One checkpoint: carries what the WAL holds over into the database file. Private to this folder. */
#include "store/connection.h"

/* `mode`: SQLITE_CHECKPOINT_… . `left` (may be NULL): pages of the WAL that are still to be carried over, if it did not
 * fail. RES_MORE: readers or writers of an older state are in the way; what could be carried over was. RES_TEMP: as
 * connection_fail(); the next checkpoint begins from the WAL's first frame. */
enum res checkpoint_run(struct connection *connection, int mode, int *left, GError **error) MUST_CHECK;
