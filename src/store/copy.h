#pragma once
/* A database copied page by page into a file of its own. Private to this folder. */
#include "base/error.h"
#include "store/connection.h"
#include "store/whole_file.h"

/* Copies all that `from` sees into `to`, which is empty. Where `from` is in a transaction that is the snapshot, so that no writer can make it
 * begin again. `between` is called after each slice of some MiB. The copy says of itself that it has no write-ahead log (store/wal_owner.h).
 * RES_TEMP: the source cannot be read, or the copy not written (REPLY_FULL: no room). */
enum res copy_pages(struct connection *from, struct whole_file *to, void (*between)(void *arg), void *arg, GError **error) MUST_CHECK;
/* Opens the database in `fd`, open for reading and writing, which messages call `name`; no files beside it are made. `connection` is to be closed before a file that
 * it is in is published. */
enum res copy_open(int fd, const char *name, struct connection **connection, GError **error) MUST_CHECK;
/* What a copy of the database at `path` takes, in octets. */
int64_t copy_size(const char *path);
/* What is free for this process on the file system of the open file or directory `fd`; -1: not known. */
int64_t copy_room(int fd);

/* The copy of a database that is made before a migration. */
struct copy {
  const char *path, *target;
  bool wal_empty; /* the file alone is the whole database, so that a reflink will do */
  struct pulse *pulse;
};

/* Copies the database at `path` to `target`, which is replaced when the copy is complete and on disk. The caller holds the write lock.
 * `source`: a descriptor, or -1, that is to be kept open until this process has closed its connections to the file: closing it drops
 * SQLite's locks (POSIX). RES_TEMP: no room (the error names --no-backup) or I/O error. */
enum res copy_make(const struct copy *copy, int *source, GError **error) MUST_CHECK;
