#pragma once
/* A database that takes the place of another, which is kept under another name with its log. Nobody may have the old one open (state_lock.h). */
#include "store/whole_file.h"

/* Publishes `file`, a copy begun with the path of a database; what was there is kept as FILE.replaced-TIME (UTC), and `kept` is that path, owned by the caller, or NULL if
 * nothing was there. At no moment is there a database without its log: whoever is killed on the way leaves the old one, or the new one beside a log that is not its own,
 * which store_open() refuses. In both cases it is to be given again. A log that is not of the database there is kept as FILE.replaced-TIME.stray-wal.
 * RES_TEMP: the system failed, on the way as well. */
enum res replacement_make(struct whole_file *file, char **kept, GError **error) MUST_CHECK;
