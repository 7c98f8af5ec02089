/* How it was chosen (docs/durability.md has the measurements): the engine's own copy of pages within one read transaction. Without the transaction every commit of another
 * process makes it begin again; beside a busy server it never came to an end. VACUUM INTO is quicker, but is one statement, into which neither pauses nor syncs
 * can be put, makes a new file of what is there instead of a copy, and cannot write into a file that has no name. A reflink is instant, but only on few file systems and never on
 * another disk, where a backup belongs. */
#include "store/backup.h"
#include "base/clock.h"
#include "store/copy.h"
#include "store/migrations.h"
#include "store/wal_owner.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A pause is a quarter of what the slice took, within these bounds (µs): the snapshot is not to be held for long either. */
#define PAUSE_MIN 1000
#define PAUSE_MAX 20000
/* Octets read at a time. */
#define PIECE (256 * 1024)

struct making {
  struct whole_file *file;
  int64_t slice_began; /* µs, monotonic */
};

/* What is written goes to the disk at once: a server's fsync would else have to wait for all of it. */
static void
give_way(void *arg)
{
  struct making *making = arg;
  int fd = whole_file_descriptor(making->file);
  if (fdatasync(fd) == 0)
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  g_usleep((gulong)CLAMP((clock_monotonic() - making->slice_began) / 4, PAUSE_MIN, PAUSE_MAX));
  making->slice_began = clock_monotonic();
}

static enum res
check_target(const struct connection *connection, const struct whole_file *file, GError **error)
{
  static const char *const suffixes[] = { "", "-wal", "-shm" };
  for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
    g_autofree char *path = g_strconcat(connection->path, suffixes[i], NULL);
    if (whole_file_replaces(file, path))
      return refuse(error, REPLY_TROUBLE, "%s: is the database itself", whole_file_path(file));
  }
  int64_t room = copy_room(whole_file_descriptor(file)), needed = copy_size(connection->path);
  if (room < 0 || room >= needed)
    return RES_OK;
  return trouble(error, REPLY_FULL, "%s: no room on the disk: up to %" G_GINT64_FORMAT " MiB are needed, %" G_GINT64_FORMAT " are free", whole_file_path(file),
                 needed / (1024 * 1024) + 1, room / (1024 * 1024));
}

/* The first statement takes the snapshot. */
static enum res
copy_snapshot(struct tx *tx, void *arg, GError **error)
{
  struct making *making = arg;
  int64_t version;
  enum res res = connection_int(tx->connection, "PRAGMA user_version", &version, error);
  if (res == RES_OK)
    res = check_target(tx->connection, making->file, error);
  return res == RES_OK ? copy_pages(tx->connection, making->file, give_way, making, error) : res;
}

enum res
backup_make(struct store *store, struct whole_file *file, GError **error)
{
  struct making making = { .file = file, .slice_began = clock_monotonic() };
  return store_read(store, copy_snapshot, &making, error);
}

/* --- of a file that is a backup --- */

static bool
write_all(int fd, const char *octets, size_t n)
{
  while (n > 0) {
    ssize_t done = write(fd, octets, n);
    if (done < 0 && errno != EINTR)
      return false;
    octets += MAX(done, 0);
    n -= (size_t)MAX(done, 0);
  }
  return true;
}

enum res
backup_fetch(int fd, struct whole_file *file, GError **error)
{
  g_autofree char *octets = g_malloc(PIECE);
  for (;;) {
    ssize_t n = read(fd, octets, PIECE);
    if (n == 0)
      return RES_OK;
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 || !write_all(whole_file_descriptor(file), octets, (size_t)n))
      return file_trouble(whole_file_path(file), "copying the backup", error);
  }
}

static enum res
check_is_ours(struct connection *connection, struct backup_figures *figures, GError **error)
{
  int64_t id = 0, newest = migration_newest(schema);
  enum res res = connection_int(connection, "PRAGMA application_id", &id, error);
  if (res == RES_OK)
    res = connection_int(connection, "PRAGMA user_version", &figures->schema, error);
  if (res != RES_OK)
    return res;
  if (id != APPLICATION_ID)
    return refuse(error, REPLY_TROUBLE, "%s: is no database of Listward", connection->path);
  if (figures->schema > newest)
    return refuse(error, REPLY_TROUBLE, "%s: was made by a newer Listward (schema %" G_GINT64_FORMAT ", this one knows %" G_GINT64_FORMAT ")", connection->path,
                  figures->schema, newest);
  return RES_OK;
}

static enum res
check_is_sound(struct connection *connection, GError **error)
{
  sqlite3_stmt *stmt = NULL;
  enum res res = RES_OK;
  if (sqlite3_prepare_v2(connection->db, "PRAGMA quick_check(1)", -1, &stmt, NULL) != SQLITE_OK || sqlite3_step(stmt) != SQLITE_ROW)
    res = connection_fail(connection, "checking", error);
  else if (g_strcmp0((const char *)sqlite3_column_text(stmt, 0), "ok") != 0)
    res = refuse(error, REPLY_TROUBLE, "%s: the database is damaged: %s", connection->path, (const char *)sqlite3_column_text(stmt, 0));
  sqlite3_finalize(stmt);
  return res;
}

enum res
backup_check(int fd, const char *name, struct backup_figures *figures, GError **error)
{
  OWN(connection) connection = NULL;
  figures->octets = lseek(fd, 0, SEEK_END);
  enum res res = wal_owner_disown(fd, error);
  if (res == RES_OK)
    res = copy_open(fd, name, &connection, error);
  if (res == RES_OK)
    res = check_is_ours(connection, figures, error);
  return res == RES_OK ? check_is_sound(connection, error) : res;
}

enum res
backup_run(int fd, const char *name, store_fn fn, void *arg, GError **error)
{
  OWN(connection) connection = NULL;
  enum res res = copy_open(fd, name, &connection, error);
  if (res == RES_OK)
    res = connection_run(connection, "BEGIN", error);
  if (res == RES_OK)
    res = connection_call(connection, fn, arg, error);
  if (res == RES_OK)
    res = connection_run(connection, "COMMIT", error);
  if (connection)
    connection_rollback(connection);
  return res;
}
