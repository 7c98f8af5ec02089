/* A checkpoint copies frames to the database file and notes in shared memory how many, so that the next one goes on from there. It syncs
 * the file only when it has come to the end of the WAL, which may then be written over.
 *
 * A sync that fails must not be tried again: Linux takes the pages that it could not write for clean, and the next sync, which has nothing to do
 * with them, succeeds. The engine copies again what the failed checkpoint has copied, but not what earlier ones have, which were not synced
 * either: those pages would be lost, and the WAL with them. Hence, after a checkpoint that has failed, the note is set to none: then all
 * frames are copied, and so made dirty, again. That is always right, since the WAL still has all of them.
 *
 * (The layout of the shared memory, and the lock under which the note is changed, are part of SQLite's file format: "WAL-Index File Format",
 * nBackfill at octet 96, WAL_CKPT_LOCK.) */
#include "store/checkpoint.h"
#include "base/log.h"
#include <stdatomic.h>

#define INDEX_PAGE 32768
#define COPIED_AT 96
#define CHECKPOINT_LOCK 1

/* Under the lock that checkpoints hold. */
static bool
set_copied_to_none(sqlite3_file *file)
{
  void volatile *index = NULL;
  if (file->pMethods->xShmLock(file, CHECKPOINT_LOCK, 1, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE) != SQLITE_OK)
    return false;
  bool mapped = file->pMethods->xShmMap(file, 0, INDEX_PAGE, 0, &index) == SQLITE_OK && index != NULL;
  if (mapped)
    atomic_store((_Atomic uint32_t *)((char *)index + COPIED_AT), 0);
  file->pMethods->xShmLock(file, CHECKPOINT_LOCK, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
  return mapped;
}

/* Until it is done there is no checkpoint, not even that of the engine when the last connection is closed. */
static void
copy_all_again(struct connection *connection)
{
  sqlite3_file *file = NULL;
  connection->copy_all = sqlite3_file_control(connection->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || file->pMethods == NULL ||
                         file->pMethods->iVersion < 2 || !set_copied_to_none(file);
  sqlite3_db_config(connection->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, connection->copy_all, NULL);
}

enum res
checkpoint_run(struct connection *connection, int mode, int *left, GError **error)
{
  if (connection->copy_all)
    copy_all_again(connection);
  if (connection->copy_all)
    return trouble(error, REPLY_TROUBLE, "%s: no checkpoint is possible: its shared memory cannot be had", connection->path);
  int pages = 0, carried = 0;
  int code = sqlite3_wal_checkpoint_v2(connection->db, "main", mode, &pages, &carried) & 0xff;
  if (left)
    *left = pages - carried;
  if (code == SQLITE_OK || code == SQLITE_BUSY)
    return code == SQLITE_OK ? RES_OK : RES_MORE;
  enum res res = connection_fail(connection, "checkpoint", error);
  copy_all_again(connection);
  return res == RES_OK ? RES_OK : RES_TEMP;
}
