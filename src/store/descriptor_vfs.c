#include "store/descriptor_vfs.h"
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "descriptor:"

struct open_file {
  sqlite3_file base;
  int fd;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static int
descriptor_of(sqlite3_file *file)
{
  return ((struct open_file *)file)->fd;
}

/* --- the file --- */

static int
file_close(sqlite3_file *file)
{
  (void)file;
  return SQLITE_OK;
}

static int
file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
  size_t got = 0, want = (size_t)size;
  while (got < want) {
    ssize_t n = pread(descriptor_of(file), (char *)data + got, want - got, offset + (off_t)got);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return SQLITE_IOERR_READ;
    if (n == 0) {
      memset((char *)data + got, 0, want - got);
      return SQLITE_IOERR_SHORT_READ;
    }
    got += (size_t)n;
  }
  return SQLITE_OK;
}

/* EFBIG: over RLIMIT_FSIZE, or more than the file system can hold in a file. */
static int
write_failure(int failure)
{
  return failure == ENOSPC || failure == EDQUOT || failure == EFBIG ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int
file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
  size_t done = 0, want = (size_t)size;
  while (done < want) {
    ssize_t n = pwrite(descriptor_of(file), (const char *)data + done, want - done, offset + (off_t)done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return write_failure(errno);
    done += (size_t)n;
  }
  return SQLITE_OK;
}

static int
file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
  return ftruncate(descriptor_of(file), size) == 0 ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

static int
file_sync(sqlite3_file *file, int flags)
{
  (void)flags;
  return fsync(descriptor_of(file)) == 0 ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}

static int
file_size(sqlite3_file *file, sqlite3_int64 *size)
{
  struct stat status;
  if (fstat(descriptor_of(file), &status) != 0)
    return SQLITE_IOERR_FSTAT;
  *size = status.st_size;
  return SQLITE_OK;
}

static int
file_lock(sqlite3_file *file, int lock)
{
  (void)file, (void)lock;
  return SQLITE_OK;
}

static int
file_is_reserved(sqlite3_file *file, int *reserved)
{
  (void)file;
  *reserved = 0;
  return SQLITE_OK;
}

static int
file_control(sqlite3_file *file, int operation, void *arg)
{
  (void)file, (void)operation, (void)arg;
  return SQLITE_NOTFOUND;
}

static int
file_sector_size(sqlite3_file *file)
{
  (void)file;
  return 4096;
}

static int
file_characteristics(sqlite3_file *file)
{
  (void)file;
  return 0;
}

static const sqlite3_io_methods methods = {
  .iVersion = 1,
  .xClose = file_close,
  .xRead = file_read,
  .xWrite = file_write,
  .xTruncate = file_truncate,
  .xSync = file_sync,
  .xFileSize = file_size,
  .xLock = file_lock,
  .xUnlock = file_lock,
  .xCheckReservedLock = file_is_reserved,
  .xFileControl = file_control,
  .xSectorSize = file_sector_size,
  .xDeviceCharacteristics = file_characteristics,
};

/* --- the file system, of which there is only that file --- */

static int
vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
  (void)vfs;
  struct open_file *opened = (struct open_file *)file;
  opened->base.pMethods = NULL;
  if (name == NULL || (flags & SQLITE_OPEN_MAIN_DB) == 0 || strncmp(name, PREFIX, strlen(PREFIX)) != 0)
    return SQLITE_CANTOPEN;
  opened->fd = (int)g_ascii_strtoll(name + strlen(PREFIX), NULL, 10);
  opened->base.pMethods = &methods;
  if (out_flags)
    *out_flags = flags;
  return SQLITE_OK;
}

static int
vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
  (void)vfs, (void)name, (void)sync;
  return SQLITE_OK;
}

static int
vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
  (void)vfs, (void)name, (void)flags;
  *result = 0;
  return SQLITE_OK;
}

static int
vfs_full_pathname(sqlite3_vfs *vfs, const char *name, int room, char *out)
{
  (void)vfs;
  return g_strlcpy(out, name, (gsize)room) < (gsize)room ? SQLITE_OK : SQLITE_CANTOPEN;
}

/* Clock, randomness and the like are the usual one's. */
static void
add(void)
{
  static sqlite3_vfs vfs;
  sqlite3_initialize();
  vfs = *sqlite3_vfs_find(NULL);
  vfs.pNext = NULL;
  vfs.zName = DESCRIPTOR_VFS;
  vfs.szOsFile = sizeof(struct open_file);
  vfs.xOpen = vfs_open;
  vfs.xDelete = vfs_delete;
  vfs.xAccess = vfs_access;
  vfs.xFullPathname = vfs_full_pathname;
  sqlite3_vfs_register(&vfs, 0);
}

void
descriptor_vfs_register(void)
{
  pthread_once(&once, add);
}

char *
descriptor_vfs_path(int fd)
{
  return g_strdup_printf(PREFIX "%d", fd);
}
