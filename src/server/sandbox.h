#pragma once
/* What a running server can reach: Landlock (which files) and seccomp (which system calls), entered between the last privileged step and the
 * first thread, as far as the kernel has them. docs/security.md says what is promised. */
#include "base/config.h"

struct sandbox;

/* Enters it for good. What `config` names and lies outside of `state_dir` is reachable from then on, the folders of files that may be replaced
 * too; Maildirs are made now. What the kernel lacks is left out with a warning; `[server] sandbox = no` leaves out all. Never fails. One
 * thread, before there are others; owned by the caller. */
struct sandbox *sandbox_enter(const struct config *config);
/* "landlock abi 7, seccomp yes" and the like, for the log and `status`. Borrowed. Any thread. */
const char *sandbox_state(const struct sandbox *sandbox);
/* Warns of all that `config`, read anew, names and that cannot be reached from inside before a restart. */
void sandbox_warn_of_outside(const struct sandbox *sandbox, const struct config *config);
void sandbox_free(struct sandbox *sandbox);
OWN_DEFINE(sandbox, sandbox_free)
