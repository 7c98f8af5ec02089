#pragma once
/* From root to the configured user. */
#include "base/error.h"

/* If started as root and `user` is not empty: makes `state_dir` (0700) and gives it to that user if it is new, then becomes that user for
 * good, without capabilities of others. Does nothing otherwise. Before threads start. RES_BAD: no such user (the error says what to do);
 * RES_TEMP: the system refused. */
enum res privilege_drop(const char *user, const char *state_dir, GError **error) MUST_CHECK;
