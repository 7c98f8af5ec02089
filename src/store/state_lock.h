#pragma once
/* One server for a state_dir: a lock on the folder, which goes with the process, however that ends. */
#include "base/error.h"

/* Makes the folder if it is missing. RES_OK: `fd` holds the lock until it is closed. RES_BAD: another server has it; RES_TEMP: the folder
 * cannot be used. */
enum res state_lock_take(const char *state_dir, int *fd, GError **error) MUST_CHECK;
