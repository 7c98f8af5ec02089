#pragma once
/* The one writer of a process. In a server who finds nobody writing writes by itself; a thread runs all functions that came meanwhile in one
 * transaction and commits once for all. In a command the caller's thread always does. Private to this folder. */
#include "store/checkpointer.h"
#include "store/store.h"

struct committer;

struct committer_options {
  const char *path;
  enum store_mode mode;
  int64_t schema;                     /* the version this program knows: when it has changed, nothing is written any more */
  struct checkpointer *checkpointer;  /* told of the WAL's growth; NULL in a command, which carries it over itself */
};

/* Opens the connection and, in a server, starts the thread. RES_OK: `committer` is to be stopped, before the checkpointer is. RES_TEMP: no
 * connection or no thread. */
enum res committer_start(const struct committer_options *options, struct committer **committer, GError **error) MUST_CHECK;
/* As store_write(). */
enum res committer_write(struct committer *committer, store_fn write, void *arg, GError **error) MUST_CHECK;
/* How many functions wait for the next batch. Any thread. */
size_t committer_waiting(struct committer *committer);
/* Commits what was handed in, then ends the thread. NULL is allowed. */
void committer_stop(struct committer *committer);
OWN_DEFINE(committer, committer_stop)
