#pragma once
/* Keeps the map files in [mta] maps as the database is: written at the start and when lists or domains have changed, by a thread of its own; then [mta] command is run. What
 * fails is an alarm, and is tried again: with the next change, after a minute, and ever more rarely, up to once an hour. A command that is owed is remembered across restarts. */
#include "server/helper.h"
#include "server/live_config.h"
#include "store/store.h"

struct map_writer;

/* Begins. `helper` runs the command by its `number`; NULL: there is none. All must outlive the writer. RES_TEMP: no thread. */
enum res map_writer_start(struct store *store, struct live_config *live, struct helper *helper, size_t number, struct map_writer **writer, GError **error) MUST_CHECK;
/* Lists or domains may have changed. Never waits. Any thread; NULL: there is no writer. */
void map_writer_stir(struct map_writer *writer);
/* The configuration has: all files are looked at again. Otherwise the same. */
void map_writer_reload(struct map_writer *writer);
/* Returns when the files are as the database was at the call, and the command has ended; `again`: both are done even if nothing has changed. RES_TEMP: it failed (the error
 * says what), or is not done by `deadline` (monotonic). Any thread. */
enum res map_writer_wait(struct map_writer *writer, bool again, int64_t deadline, GError **error) MUST_CHECK;
/* Ends it after what it is at. NULL is allowed. */
void map_writer_free(struct map_writer *writer);
