#pragma once
/* Whose is the write-ahead log that lies beside a database? SQLite does not ask: it applies any FILE-wal that is whole in itself, also that of another
 * database that was here before, and the result is damaged. A database of ours in use says in its header that it has a log; a copy that was made with
 * copy_pages() says that it has none, until it is opened for the first time. So a log that lies beside such a copy is a stranger's.
 * SQLite's file format, "File format version numbers". Private to this folder. */
#include "base/error.h"
#include <stdbool.h>

/* Writes into the header of the database in `fd`, which nobody has open as a database, that it has no log. RES_TEMP: I/O error. */
enum res wal_owner_disown(int fd, GError **error) MUST_CHECK;
/* RES_OK: a log beside the database at `path`, if there is one, may be its own. RES_BAD: it is another's; the error says what to do. `fd`: -1, or a
 * descriptor of the file that is to be kept open until this process has closed its connections: closing it drops SQLite's locks (POSIX). */
enum res wal_owner_check(const char *path, int *fd, GError **error) MUST_CHECK;
