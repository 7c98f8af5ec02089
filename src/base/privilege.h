#pragma once
/* From root to the configured user, and from there nowhere else. */
#include "base/error.h"

/* If started as root and `user` is not empty: makes `state_dir` (0700) and gives it to that user if it is new, then becomes that user for
 * good: its groups, no capability in any set (the bounding set as far as the system lets us), securebits locked. Does nothing otherwise.
 * Before threads start. RES_BAD: no such user (the error says what to do); RES_TEMP: the system refused. */
enum res privilege_drop(const char *user, const char *state_dir, GError **error) MUST_CHECK;
/* For the server, after privilege_drop and before it forks or makes threads: no_new_privs; no capability in any set, unless it stays root
 * (such as one that systemd lent to bind a port); files are made for their owner alone (umask 077). RES_TEMP: the system refused. */
enum res privilege_renounce(GError **error) MUST_CHECK;
