#include "store/fault_vfs.h"
#include "store/disk_image.h"
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_DISK "/dev/shm"

struct fault_handle {
  sqlite3_file base;
  struct disk_image *image; /* NULL: not watched (temporary) */
  sqlite3_file *real;       /* behind this struct */
  bool is_new;              /* perhaps: a journal or a log that this handle has not synced yet */
};

static sqlite3_vfs vfs, *system_vfs;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over all that follows, and the images */
static GHashTable *images; /* path: struct disk_image */
static struct fault armed;
static bool is_armed, struck, is_off, torn;
static uint32_t luck_seed;
static int64_t calls[FAULT_CALLS], matching;
static _Thread_local int last_errno;

static const char *const call_names[] = {
  [FAULT_READ] = "read", [FAULT_WRITE] = "write", [FAULT_SYNC] = "sync", [FAULT_TRUNCATE] = "truncate", [FAULT_OPEN] = "open",
  [FAULT_SHM_MAP] = "shm map", [FAULT_DIRECTORY_SYNC] = "directory sync",
};
static const char *const kind_names[] = {
  [FAULT_FULL] = "full", [FAULT_NO_SPACE] = "no space", [FAULT_IO_ERROR] = "I/O error", [FAULT_SHORT] = "short", [FAULT_POWER] = "power lost",
  [FAULT_TORN] = "power lost, torn",
};
static const int io_errors[] = {
  [FAULT_READ] = SQLITE_IOERR_READ, [FAULT_WRITE] = SQLITE_IOERR_WRITE, [FAULT_SYNC] = SQLITE_IOERR_FSYNC, [FAULT_TRUNCATE] = SQLITE_IOERR_TRUNCATE,
  [FAULT_OPEN] = SQLITE_CANTOPEN, [FAULT_SHM_MAP] = SQLITE_IOERR_SHMMAP, [FAULT_DIRECTORY_SYNC] = SQLITE_IOERR_DIR_FSYNC,
};

const char *
fault_call_name(enum fault_call call)
{
  return call_names[call];
}

const char *
fault_kind_name(enum fault_kind kind)
{
  return kind_names[kind];
}

/* --- faults --- */

static int
fail(int code, int number)
{
  last_errno = number;
  return code;
}

static int
code_of(enum fault_call call, enum fault_kind kind)
{
  bool can_be_full = call == FAULT_WRITE || call == FAULT_TRUNCATE;
  switch (kind) {
  case FAULT_FULL:
  case FAULT_SHORT: return fail(can_be_full ? SQLITE_FULL : io_errors[call], ENOSPC);
  case FAULT_NO_SPACE: return fail(io_errors[call], ENOSPC);
  default: return fail(io_errors[call], EIO);
  }
}

static bool
is_wanted_file(const char *path)
{
  bool wal = path && g_str_has_suffix(path, "-wal");
  return armed.file == FAULT_ANY_FILE || (path && wal == (armed.file == FAULT_WAL_FILE) && !g_str_has_suffix(path, "-journal"));
}

static void
power_off(bool with_torn, uint32_t seed)
{
  if (is_off)
    return;
  is_off = true;
  torn = with_torn;
  luck_seed = seed;
}

/* Locked. Does this call fail, and how? */
static int
fault_for(enum fault_call call, const char *path)
{
  calls[call]++;
  if (is_off)
    return fail(io_errors[call], EIO);
  if (!is_armed || call != armed.call || !is_wanted_file(path))
    return SQLITE_OK;
  matching++;
  if (matching != armed.at && !(armed.lasting && matching > armed.at))
    return SQLITE_OK;
  struck = true;
  if (armed.kind >= FAULT_POWER)
    power_off(armed.kind == FAULT_TORN, armed.seed);
  return code_of(call, armed.kind);
}

/* Locked. True: the directory on the disk knows its files as they are now. */
static bool
directory_synced(const char *directory)
{
  GHashTableIter each;
  void *value;
  if (fault_for(FAULT_DIRECTORY_SYNC, NULL) != SQLITE_OK)
    return false;
  g_hash_table_iter_init(&each, images);
  while (g_hash_table_iter_next(&each, NULL, &value)) {
    struct disk_image *image = value;
    g_autofree char *of = g_path_get_dirname(image->path);
    if (strcmp(of, directory) == 0)
      image->named = image->present;
  }
  return true;
}

static bool
sync_directory_of(const char *path)
{
  g_autofree char *directory = g_path_get_dirname(path);
  return directory_synced(directory);
}

/* In place of the C library's, for those who sync a directory themselves. */
int
fsync(int fd)
{
  struct stat status;
  g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd), *path = g_file_read_link(link, NULL);
  if (images == NULL || path == NULL || fstat(fd, &status) != 0 || !S_ISDIR(status.st_mode))
    return 0;
  pthread_mutex_lock(&lock);
  bool done = directory_synced(path);
  pthread_mutex_unlock(&lock);
  errno = EIO;
  return done ? 0 : -1;
}

/* --- files --- */

static struct fault_handle *
handle_of(sqlite3_file *file)
{
  return (struct fault_handle *)file;
}

static size_t
read_real(void *arg, int64_t offset, uint8_t *octets, size_t n)
{
  sqlite3_file *real = arg;
  sqlite3_int64 size = 0;
  if (real->pMethods->xFileSize(real, &size) != SQLITE_OK || offset >= size)
    return 0;
  size_t there = MIN(n, (size_t)(size - offset));
  return real->pMethods->xRead(real, octets, (int)there, offset) == SQLITE_OK ? there : 0;
}

static int
on_close(sqlite3_file *file)
{
  sqlite3_file *real = handle_of(file)->real;
  return real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;
}

static int
on_read(sqlite3_file *file, void *octets, int n, sqlite3_int64 offset)
{
  struct fault_handle *handle = handle_of(file);
  pthread_mutex_lock(&lock);
  int code = fault_for(FAULT_READ, handle->image ? handle->image->path : NULL);
  pthread_mutex_unlock(&lock);
  return code == SQLITE_OK ? handle->real->pMethods->xRead(handle->real, octets, n, offset) : code;
}

/* Locked. Of what fails, nothing, half or (when the power goes) all is in memory. */
static int
write_some(struct fault_handle *handle, const void *octets, int n, sqlite3_int64 offset)
{
  bool was_off = is_off;
  int code = fault_for(FAULT_WRITE, handle->image ? handle->image->path : NULL);
  int some = code == SQLITE_OK || (is_off && !was_off) ? n : armed.kind == FAULT_SHORT && !is_off ? n / 2 : 0;
  if (some > 0 && handle->real->pMethods->xWrite(handle->real, octets, some, offset) != SQLITE_OK)
    return SQLITE_IOERR_WRITE;
  if (some > 0 && handle->image)
    disk_image_written(handle->image, offset, some);
  return code;
}

static int
on_write(sqlite3_file *file, const void *octets, int n, sqlite3_int64 offset)
{
  pthread_mutex_lock(&lock);
  int code = write_some(handle_of(file), octets, n, offset);
  pthread_mutex_unlock(&lock);
  return code;
}

static int
on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
  struct fault_handle *handle = handle_of(file);
  pthread_mutex_lock(&lock);
  int code = fault_for(FAULT_TRUNCATE, handle->image ? handle->image->path : NULL);
  if (code == SQLITE_OK)
    code = handle->real->pMethods->xTruncate(handle->real, size);
  if (code == SQLITE_OK && handle->image)
    disk_image_cut(handle->image, size);
  pthread_mutex_unlock(&lock);
  return code;
}

static int
on_sync(sqlite3_file *file, int flags)
{
  (void)flags;
  struct fault_handle *handle = handle_of(file);
  pthread_mutex_lock(&lock);
  int code = fault_for(FAULT_SYNC, handle->image ? handle->image->path : NULL);
  if (handle->image && code == SQLITE_OK) {
    disk_image_synced(handle->image, read_real, handle->real);
    if (handle->is_new) /* the system's own VFS does that once, and does not look at the result */
      (void)sync_directory_of(handle->image->path);
    handle->is_new = false;
  } else if (handle->image && !is_off)
    disk_image_sync_failed(handle->image);
  pthread_mutex_unlock(&lock);
  return code;
}

static int
on_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
  sqlite3_file *real = handle_of(file)->real;
  return real->pMethods->xFileSize(real, size);
}

static int
on_lock(sqlite3_file *file, int level)
{
  sqlite3_file *real = handle_of(file)->real;
  return real->pMethods->xLock(real, level);
}

static int
on_unlock(sqlite3_file *file, int level)
{
  sqlite3_file *real = handle_of(file)->real;
  return real->pMethods->xUnlock(real, level);
}

static int
on_check_lock(sqlite3_file *file, int *locked)
{
  sqlite3_file *real = handle_of(file)->real;
  return real->pMethods->xCheckReservedLock(real, locked);
}

static int
on_control(sqlite3_file *file, int op, void *arg)
{
  sqlite3_file *real = handle_of(file)->real;
  return real->pMethods->xFileControl(real, op, arg);
}

static int
on_sector_size(sqlite3_file *file)
{
  sqlite3_file *real = handle_of(file)->real;
  return real->pMethods->xSectorSize(real);
}

static int
on_characteristics(sqlite3_file *file)
{
  sqlite3_file *real = handle_of(file)->real;
  return real->pMethods->xDeviceCharacteristics(real);
}

static int
on_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **at)
{
  struct fault_handle *handle = handle_of(file);
  pthread_mutex_lock(&lock);
  int code = fault_for(FAULT_SHM_MAP, handle->image ? handle->image->path : NULL);
  pthread_mutex_unlock(&lock);
  *at = NULL;
  return code == SQLITE_OK ? handle->real->pMethods->xShmMap(handle->real, region, size, extend, at) : code;
}

static int
on_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
  sqlite3_file *real = handle_of(file)->real;
  return real->pMethods->xShmLock(real, offset, n, flags);
}

static void
on_shm_barrier(sqlite3_file *file)
{
  sqlite3_file *real = handle_of(file)->real;
  real->pMethods->xShmBarrier(real);
}

static int
on_shm_unmap(sqlite3_file *file, int remove)
{
  sqlite3_file *real = handle_of(file)->real;
  return real->pMethods->xShmUnmap(real, remove);
}

static const sqlite3_io_methods methods = {
  .iVersion = 2, .xClose = on_close, .xRead = on_read, .xWrite = on_write, .xTruncate = on_truncate, .xSync = on_sync, .xFileSize = on_file_size,
  .xLock = on_lock, .xUnlock = on_unlock, .xCheckReservedLock = on_check_lock, .xFileControl = on_control, .xSectorSize = on_sector_size,
  .xDeviceCharacteristics = on_characteristics, .xShmMap = on_shm_map, .xShmLock = on_shm_lock, .xShmBarrier = on_shm_barrier,
  .xShmUnmap = on_shm_unmap,
};

/* --- the VFS --- */

/* Locked. */
static struct disk_image *
image_of(const char *path, bool existed, sqlite3_file *real)
{
  struct disk_image *image = g_hash_table_lookup(images, path);
  if (image == NULL) {
    image = disk_image_new(path, existed, read_real, real);
    g_hash_table_insert(images, image->path, image);
  } else if (!image->present)
    disk_image_anew(image);
  return image;
}

static int
on_open(sqlite3_vfs *self, const char *path, sqlite3_file *file, int flags, int *out)
{
  (void)self;
  struct fault_handle *handle = handle_of(file);
  *handle = (struct fault_handle){ .real = (sqlite3_file *)(handle + 1) };
  pthread_mutex_lock(&lock);
  bool existed = path && access(path, F_OK) == 0;
  int code = fault_for(FAULT_OPEN, path);
  if (code == SQLITE_OK)
    code = system_vfs->xOpen(system_vfs, path, handle->real, flags, out);
  if (code == SQLITE_OK) {
    handle->base.pMethods = &methods;
    handle->is_new = (flags & SQLITE_OPEN_CREATE) && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL));
    handle->image = path && !(flags & SQLITE_OPEN_DELETEONCLOSE) ? image_of(path, existed, handle->real) : NULL;
  }
  pthread_mutex_unlock(&lock);
  return code;
}

static int
on_delete(sqlite3_vfs *self, const char *path, int sync_directory)
{
  (void)self;
  pthread_mutex_lock(&lock);
  struct disk_image *image = g_hash_table_lookup(images, path);
  int code = is_off ? fail(SQLITE_IOERR_DELETE, EIO) : system_vfs->xDelete(system_vfs, path, 0);
  if (code == SQLITE_OK && image)
    disk_image_deleted(image, sync_directory && sync_directory_of(path));
  pthread_mutex_unlock(&lock);
  return code;
}

static int
on_last_error(sqlite3_vfs *self, int n, char *text)
{
  (void)self, (void)n, (void)text;
  return last_errno ? last_errno : system_vfs->xGetLastError(system_vfs, 0, NULL);
}

static void
image_drop(void *image)
{
  disk_image_free(image);
}

void
fault_vfs_install(void)
{
  system_vfs = sqlite3_vfs_find(NULL);
  images = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, image_drop);
  vfs = *system_vfs; /* what is not ours takes no struct of ours */
  vfs.zName = "fault";
  vfs.szOsFile = (int)sizeof(struct fault_handle) + system_vfs->szOsFile;
  vfs.xOpen = on_open;
  vfs.xDelete = on_delete;
  vfs.xGetLastError = on_last_error;
  g_assert_cmpint(sqlite3_vfs_register(&vfs, 1), ==, SQLITE_OK);
  if (access(MEMORY_DISK, R_OK | W_OK | X_OK) == 0)
    g_setenv("TMPDIR", MEMORY_DISK, FALSE);
}

/* --- for the test --- */

void
fault_vfs_arm(const struct fault *fault)
{
  pthread_mutex_lock(&lock);
  armed = *fault;
  is_armed = true;
  struck = false;
  matching = 0;
  memset(calls, 0, sizeof calls);
  pthread_mutex_unlock(&lock);
}

void
fault_vfs_lift(void)
{
  pthread_mutex_lock(&lock);
  is_armed = false;
  pthread_mutex_unlock(&lock);
}

bool
fault_vfs_struck(void)
{
  pthread_mutex_lock(&lock);
  bool it_did = struck;
  pthread_mutex_unlock(&lock);
  return it_did;
}

void
fault_vfs_power_off(bool with_torn, uint32_t seed)
{
  pthread_mutex_lock(&lock);
  power_off(with_torn, seed);
  pthread_mutex_unlock(&lock);
}

bool
fault_vfs_is_off(void)
{
  pthread_mutex_lock(&lock);
  bool off = is_off;
  pthread_mutex_unlock(&lock);
  return off;
}

void
fault_vfs_power_on(void)
{
  GHashTableIter each;
  void *image;
  g_autoptr(GRand) luck = g_rand_new_with_seed(luck_seed);
  pthread_mutex_lock(&lock);
  g_hash_table_iter_init(&each, images);
  while (g_hash_table_iter_next(&each, NULL, &image))
    disk_image_restore(image, torn ? luck : NULL);
  g_hash_table_remove_all(images);
  is_off = is_armed = false;
  pthread_mutex_unlock(&lock);
}

int64_t
fault_vfs_calls(enum fault_call call)
{
  pthread_mutex_lock(&lock);
  int64_t n = calls[call];
  pthread_mutex_unlock(&lock);
  return n;
}

void
fault_vfs_forget(void)
{
  pthread_mutex_lock(&lock);
  g_hash_table_remove_all(images);
  is_off = is_armed = false;
  pthread_mutex_unlock(&lock);
}

int64_t
fault_vfs_stride(int64_t at, int64_t part)
{
  bool all = g_strcmp0(g_getenv("LISTWARD_DISK_FAULTS"), "all") == 0;
  return all || at < 2 * part ? 1 : at / part;
}
