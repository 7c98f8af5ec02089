#pragma once
/* The copy of a database that is made before a migration. Private to this folder. */
#include "base/error.h"
#include "store/connection.h"

struct copy {
  int source; /* kept open until the file's last connection in this process is closed, -1: none. Closing it would drop SQLite's locks (POSIX) */
};

#define COPY_NONE ((struct copy){ .source = -1 })

/* Copies the database at `path` to `target`, which is replaced when the copy is complete and on disk. The caller holds the write lock.
 * `wal_empty`: the file alone is the whole database, so that a reflink will do. RES_TEMP: no room (the error names --no-backup) or I/O error. */
enum res copy_make(struct copy *copy, const char *path, const char *target, bool wal_empty, GError **error) MUST_CHECK;
void copy_release(struct copy *copy);
