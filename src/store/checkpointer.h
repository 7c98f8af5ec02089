#pragma once
/* Carries the WAL over into the database file, on a thread of its own, so that no posting waits for it. It sleeps until the
 * committer says that the WAL has grown. Private to this folder. */
#include "base/error.h"
#include "base/own.h"

struct checkpointer;

/* Starts the thread. `path` is copied. RES_TEMP: no connection or no thread. */
enum res checkpointer_start(const char *path, struct checkpointer **checkpointer, GError **error) MUST_CHECK;
/* The WAL holds `pages` after a commit. Called by the committer; does not wait. */
void checkpointer_notice(struct checkpointer *checkpointer, int pages);
/* Waits while a checkpoint that must keep writers out is due or running: a busy committer would else never leave it a gap. Called
 * by the committer before it begins; at most some tenths of a second. */
void checkpointer_give_way(struct checkpointer *checkpointer);
/* Ends the thread, then empties the WAL if no other process keeps it. NULL is allowed. */
void checkpointer_stop(struct checkpointer *checkpointer);
OWN_DEFINE(checkpointer, checkpointer_stop)
