#include "mta/map_folder.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_MODE 0755
#define FILE_MODE 0644

enum res
map_folder_begin(struct map_folder *folder, const char *path, bool look_only, GError **error)
{
  *folder = (struct map_folder){ .path = g_strdup(path), .look_only = look_only };
  bool made = !look_only && mkdir(path, FOLDER_MODE) == 0;
  folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (folder->fd < 0 && !(look_only && errno == ENOENT))
    return file_trouble(path, "opening the folder", error);
  folder->differs = made || folder->fd < 0;
  /* Whatever the umask was. */
  return made && fchmod(folder->fd, FOLDER_MODE) != 0 ? file_trouble(path, "setting its permissions", error) : RES_OK;
}

static enum res
trouble_with(const struct map_folder *folder, const char *name, const char *doing, GError **error)
{
  int saved = errno;
  g_autofree char *path = g_build_filename(folder->path, name, NULL);
  errno = saved;
  return file_trouble(path, doing, error);
}

static bool
exists(const struct map_folder *folder, const char *name)
{
  struct stat status;
  return folder->fd >= 0 && fstatat(folder->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A link costs half of what a file does, and a hundred thousand may be wanted; when one file has as many as the file system allows, the next one is made. False: errno. */
static bool
make(struct map_folder *folder, const char *name)
{
  if (folder->source && linkat(folder->fd, folder->source, folder->fd, name, 0) == 0)
    return true;
  if (folder->source && errno == EEXIST)
    return false;
  int fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
  if (fd < 0)
    return false;
  (void)fchmod(fd, FILE_MODE); /* the MTA only looks whether it is there */
  close(fd);
  g_free(folder->source);
  folder->source = g_strdup(name);
  return true;
}

enum res
map_folder_want(struct map_folder *folder, const char *name, GError **error)
{
  if (strlen(name) > NAME_MAX)
    return RES_MORE;
  folder->wanted++;
  if (folder->look_only) {
    folder->differs = folder->differs || !exists(folder, name);
    return RES_OK;
  }
  if (make(folder, name))
    folder->differs = true;
  else if (errno != EEXIST)
    return trouble_with(folder, name, "making it", error);
  return RES_OK;
}

static bool
looks_like_ours(const char *name)
{
  const char *at = strrchr(name, '@');
  return name[0] != '.' && at && at > name && at[1];
}

static bool
is_empty_file(const struct map_folder *folder, const char *name)
{
  struct stat status;
  return fstatat(folder->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) && status.st_size == 0;
}

static enum res
remove_if_stale(struct map_folder *folder, const char *name, map_folder_asked is_wanted, void *ctx, GError **error)
{
  if (!looks_like_ours(name) || !is_empty_file(folder, name))
    return RES_OK;
  enum res res = is_wanted(ctx, name, error);
  if (res != RES_MORE)
    return res;
  folder->differs = true;
  if (!folder->look_only && unlinkat(folder->fd, name, 0) != 0 && errno != ENOENT)
    return trouble_with(folder, name, "removing it", error);
  return RES_OK;
}

/* How many files there may be that are ours. */
static int64_t
count(DIR *entries)
{
  int64_t n = 0;
  const struct dirent *entry;
  while ((entry = readdir(entries)))
    n += looks_like_ours(entry->d_name);
  return n;
}

static enum res
sweep(struct map_folder *folder, DIR *entries, map_folder_asked is_wanted, void *ctx, GError **error)
{
  if (count(entries) <= folder->wanted)
    return RES_OK;
  rewinddir(entries);
  enum res res = RES_OK;
  const struct dirent *entry;
  while (res == RES_OK && (entry = readdir(entries)))
    res = remove_if_stale(folder, entry->d_name, is_wanted, ctx, error);
  return res;
}

enum res
map_folder_end(struct map_folder *folder, map_folder_asked is_wanted, void *ctx, GError **error)
{
  if (folder->fd < 0)
    return RES_OK;
  int copy = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *entries = copy < 0 ? NULL : fdopendir(copy);
  if (entries == NULL) {
    enum res failed = file_trouble(folder->path, "reading it", error);
    if (copy >= 0)
      close(copy);
    return failed;
  }
  enum res res = sweep(folder, entries, is_wanted, ctx, error);
  closedir(entries);
  if (res == RES_OK && folder->differs && !folder->look_only && fsync(folder->fd) != 0)
    return file_trouble(folder->path, "writing it to disk", error);
  return res;
}

void
map_folder_clear(struct map_folder *folder)
{
  if (folder->path && folder->fd >= 0)
    close(folder->fd);
  g_free(folder->path);
  g_free(folder->source);
}
