#pragma once
/* Copies of the whole database for safe-keeping, made while it is in use, and put back. One copy is one file: it needs no log beside it, and says so. */
#include "store/store.h"
#include "store/whole_file.h"

struct backup_figures {
  int64_t octets;
  int64_t schema; /* version */
};

/* Copies what is in the database now into `file`, in slices, with pauses that leave the disk to a server. It is one snapshot: what comes in meanwhile is not in it, and
 * no writer waits for it or makes it begin again; the write-ahead log cannot start anew until it is done. RES_BAD: `file` would replace the database itself; RES_TEMP:
 * trouble (REPLY_FULL: no room for it). Not from a store_fn. */
enum res backup_make(struct store *store, struct whole_file *file, GError **error) MUST_CHECK;
/* Copies the file open as `fd` into `file`. RES_TEMP: I/O error, or no room. */
enum res backup_fetch(int fd, struct whole_file *file, GError **error) MUST_CHECK;
/* Reads all of the copy in `fd`, which messages call `name`, and sees whether it is a sound database of ours that this program understands. RES_BAD: it is not;
 * RES_TEMP: it cannot be read. */
enum res backup_check(int fd, const char *name, struct backup_figures *figures, GError **error) MUST_CHECK;
/* Runs `fn` on it in a transaction of its own, which may write. Results as store_write(). */
enum res backup_run(int fd, const char *name, store_fn fn, void *arg, GError **error) MUST_CHECK;
