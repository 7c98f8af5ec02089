#include "store/copy.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PAGES_PER_STEP 1024

static enum res
io_trouble(const char *path, const char *doing, GError **error)
{
  int failure = errno;
  return trouble(error, failure == ENOSPC || failure == EDQUOT ? REPLY_FULL : REPLY_TROUBLE, "%s: %s: %s", path, doing, g_strerror(failure));
}

static int64_t
file_size(const char *path)
{
  struct stat status;
  return stat(path, &status) == 0 ? (int64_t)status.st_size : 0;
}

/* Shares the blocks, where the file system can. False: it cannot. */
static bool
reflink(const char *path, int target, int *source)
{
  *source = open(path, O_RDONLY | O_CLOEXEC);
  return *source >= 0 && ioctl(target, FICLONE, *source) == 0;
}

static enum res
check_room(const char *path, GError **error)
{
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  int64_t needed = (file_size(path) + file_size(wal)) / 10 * 12;
  g_autofree char *directory = g_path_get_dirname(path);
  struct statvfs room;
  if (statvfs(directory, &room) != 0)
    return io_trouble(directory, "looking for room", error);
  if ((int64_t)(room.f_bavail * room.f_frsize) >= needed)
    return RES_OK;
  return trouble(error, REPLY_FULL,
                 "%s: no room for a copy before the migration (%" G_GINT64_FORMAT " MiB needed); make room, or migrate without one: --no-backup", path,
                 needed / (1024 * 1024) + 1);
}

/* Through the engine: also what is still in the WAL. */
static enum res
copy_pages(struct connection *from, struct connection *to, struct pulse *pulse, GError **error)
{
  sqlite3_backup *backup = sqlite3_backup_init(to->db, "main", from->db, "main");
  if (backup == NULL)
    return connection_fail(to, "copying", error);
  int code;
  while ((code = sqlite3_backup_step(backup, PAGES_PER_STEP)) == SQLITE_OK)
    pulse_beat(pulse);
  if (sqlite3_backup_finish(backup) == SQLITE_OK && code == SQLITE_DONE)
    return RES_OK;
  return connection_fail(to, "copying", error);
}

static enum res
copy_whole(const struct copy *copy, const char *target, GError **error)
{
  OWN(connection) from = NULL;
  OWN(connection) to = NULL;
  struct connection_options options = { .path = copy->path, .cache_kib = 256, .statements = 4, .patience = CLOCK_MINUTE, .query_only = true };
  enum res res = check_room(copy->path, error);
  if (res == RES_OK)
    res = connection_open(&options, &from, error);
  options.path = target;
  options.query_only = false;
  if (res == RES_OK)
    res = connection_open(&options, &to, error);
  if (res == RES_OK)
    res = copy_pages(from, to, copy->pulse, error);
  return res;
}

/* The name counts when octets and directory entry are on disk. */
static enum res
put_in_place(int fd, const char *made, const char *target, GError **error)
{
  g_autofree char *directory = g_path_get_dirname(target);
  CRASH_POINT("copy-written");
  if (fsync(fd) != 0 || rename(made, target) != 0)
    return io_trouble(target, "copying before the migration", error);
  int parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool done = parent >= 0 && fsync(parent) == 0;
  if (parent >= 0)
    close(parent);
  return done ? RES_OK : io_trouble(directory, "copying before the migration", error);
}

enum res
copy_make(const struct copy *copy, int *source, GError **error)
{
  g_autofree char *part = g_strconcat(copy->target, ".part", NULL);
  unlink(part);
  int fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return io_trouble(part, "making it", error);
  enum res res = RES_OK;
  if (!copy->wal_empty || !reflink(copy->path, fd, source))
    res = copy_whole(copy, part, error);
  if (res == RES_OK)
    res = put_in_place(fd, part, copy->target, error);
  if (res != RES_OK)
    unlink(part);
  close(fd);
  return res;
}
