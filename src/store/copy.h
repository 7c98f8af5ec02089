#pragma once
/* The copy of a database that is made before a migration. Private to this folder. */
#include "base/error.h"
#include "store/connection.h"

struct copy {
  const char *path, *target;
  bool wal_empty; /* the file alone is the whole database, so that a reflink will do */
  struct pulse *pulse;
};

/* Copies the database at `path` to `target`, which is replaced when the copy is complete and on disk. The caller holds the write lock.
 * `source`: a descriptor, or -1, that is to be kept open until this process has closed its connections to the file: closing it drops
 * SQLite's locks (POSIX). RES_TEMP: no room (the error names --no-backup) or I/O error. */
enum res copy_make(const struct copy *copy, int *source, GError **error) MUST_CHECK;
