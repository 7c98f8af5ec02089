#pragma once
/* File descriptors are shared out: a crowd of sessions leaves enough of them to the database, the courier and the command line. */
#include "base/config.h"

/* So many stay free of sessions. */
int64_t descriptors_reserve(const struct config *config);
/* At start: raises the process's limit, as far as it may, to what all sessions and the reserve need. What is missing then is warned of. */
void descriptors_raise(int64_t sessions, int64_t reserve);
/* False: a session with the descriptor `fd`, the lowest that was free, would eat into the reserve. Of a very small limit sessions get half. Any
 * thread. */
bool descriptors_spare(int fd, int64_t reserve);
