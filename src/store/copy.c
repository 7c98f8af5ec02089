#include "store/copy.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "store/descriptor_vfs.h"
#include "store/wal_owner.h"
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* 4 MiB. */
#define PAGES_PER_STEP 1024

/* The journal is needed only to undo a statement that fails; durable it becomes as a whole. */
static const char in_memory[] = "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF";

enum res
copy_open(int fd, const char *name, struct connection **connection, GError **error)
{
  g_autofree char *path = descriptor_vfs_path(fd);
  OWN(connection) made = NULL;
  enum res res = connection_open(&(struct connection_options){ .path = path, .name = name, .vfs = DESCRIPTOR_VFS, .cache_kib = 1024, .statements = 16 },
                                 &made, error);
  if (res != RES_OK)
    return res;
  if (sqlite3_exec(made->db, in_memory, NULL, NULL, NULL) != SQLITE_OK)
    return connection_fail(made, "opening the copy", error);
  *connection = OWN_GIVE(made);
  return RES_OK;
}

/* --- pages --- */

static enum res
copy_steps(struct connection *from, struct connection *to, void (*between)(void *arg), void *arg, GError **error)
{
  sqlite3_backup *backup = sqlite3_backup_init(to->db, "main", from->db, "main");
  if (backup == NULL)
    return connection_fail(to, "copying", error);
  int code;
  while ((code = sqlite3_backup_step(backup, PAGES_PER_STEP)) == SQLITE_OK)
    between(arg);
  if (sqlite3_backup_finish(backup) == SQLITE_OK && code == SQLITE_DONE)
    return RES_OK;
  return connection_fail(to, "copying", error);
}

enum res
copy_pages(struct connection *from, struct whole_file *file, void (*between)(void *arg), void *arg, GError **error)
{
  OWN(connection) to = NULL;
  enum res res = copy_open(whole_file_descriptor(file), whole_file_path(file), &to, error);
  if (res == RES_OK)
    res = copy_steps(from, to, between, arg, error);
  g_clear_pointer(&to, connection_close);
  return res == RES_OK ? wal_owner_disown(whole_file_descriptor(file), error) : res;
}

static int64_t
file_size(const char *path)
{
  struct stat status;
  return stat(path, &status) == 0 ? (int64_t)status.st_size : 0;
}

int64_t
copy_size(const char *path)
{
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  return file_size(path) + file_size(wal);
}

int64_t
copy_room(int fd)
{
  struct statvfs room;
  return fstatvfs(fd, &room) == 0 ? (int64_t)(room.f_bavail * room.f_frsize) : -1;
}

/* --- before a migration --- */

/* Shares the blocks, where the file system can. False: it cannot. */
static bool
reflink(const char *path, int target, int *source)
{
  *source = open(path, O_RDONLY | O_CLOEXEC);
  return *source >= 0 && ioctl(target, FICLONE, *source) == 0;
}

static enum res
check_room(const char *path, int fd, GError **error)
{
  int64_t needed = copy_size(path) / 10 * 12, room = copy_room(fd);
  if (room < 0 || room >= needed)
    return RES_OK;
  return trouble(error, REPLY_FULL,
                 "%s: no room for a copy before the migration (%" G_GINT64_FORMAT " MiB needed); make room, or migrate without one: --no-backup", path,
                 needed / (1024 * 1024) + 1);
}

static void
beat(void *arg)
{
  pulse_beat(arg);
}

/* Through the engine: also what is still in the WAL. */
static enum res
copy_whole(const struct copy *copy, struct whole_file *file, GError **error)
{
  OWN(connection) from = NULL;
  enum res res = check_room(copy->path, whole_file_descriptor(file), error);
  if (res == RES_OK)
    res = connection_open(&(struct connection_options){ .path = copy->path, .cache_kib = 256, .statements = 4, .patience = CLOCK_MINUTE, .query_only = true },
                          &from, error);
  return res == RES_OK ? copy_pages(from, file, beat, copy->pulse, error) : res;
}

enum res
copy_make(const struct copy *copy, int *source, GError **error)
{
  OWN(whole_file) file = NULL;
  enum res res = whole_file_begin(copy->target, true, &file, error);
  if (res != RES_OK)
    return RES_TEMP;
  if (copy->wal_empty && reflink(copy->path, whole_file_descriptor(file), source))
    res = wal_owner_disown(whole_file_descriptor(file), error);
  else
    res = copy_whole(copy, file, error);
  CRASH_POINT("copy-written");
  return res == RES_OK ? whole_file_publish(file, error) : res;
}
