#include "store/whole_file.h"
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct whole_file {
  char *path, *name, *part; /* `name` and `part` are in `directory` */
  int directory, fd; /* -1: not open */
  bool replace;
  bool has_part;        /* `part` is its name for now */
  struct stat existing; /* what has the name now, if `exists` */
  bool exists;
};

static enum res
name_taken(const struct whole_file *file, GError **error)
{
  return refuse(error, REPLY_TROUBLE, "%s: exists already", file->path);
}

/* --- begin --- */

static enum res
look_at_name(struct whole_file *file, GError **error)
{
  if (file->name[0] == '\0' || strcmp(file->name, ".") == 0 || strcmp(file->name, "..") == 0)
    return refuse(error, REPLY_TROUBLE, "\"%s\" is no name of a file", file->path);
  if (fstatat(file->directory, file->name, &file->existing, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT ? RES_OK : file_trouble(file->path, "looking at it", error);
  file->exists = true;
  if (S_ISDIR(file->existing.st_mode))
    return refuse(error, REPLY_TROUBLE, "%s: is a directory; name a file in it", file->path);
  if (!S_ISREG(file->existing.st_mode))
    return refuse(error, REPLY_TROUBLE, "%s: is no regular file", file->path);
  return file->replace ? RES_OK : name_taken(file, error);
}

/* True if NAME.part is still the file that is open. */
static bool
still_has_name(const struct whole_file *file)
{
  struct stat ours, named;
  return fstat(file->fd, &ours) == 0 && fstatat(file->directory, file->part, &named, AT_SYMLINK_NOFOLLOW) == 0 && ours.st_ino == named.st_ino &&
         ours.st_dev == named.st_dev;
}

/* One that a process left behind when it died is used again. */
static enum res
make_part(struct whole_file *file, GError **error)
{
  file->fd = openat(file->directory, file->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file->fd < 0)
    return file_trouble(file->path, "making it", error);
  if (flock(file->fd, LOCK_EX | LOCK_NB) != 0 || !still_has_name(file))
    return trouble(error, REPLY_TROUBLE, "%s: another process is making it", file->path);
  file->has_part = true;
  return ftruncate(file->fd, 0) == 0 && fchmod(file->fd, 0600) == 0 ? RES_OK : file_trouble(file->path, "making it", error);
}

/* By which a file without a name is named. Owned by the caller. */
static char *
link_of(int fd)
{
  return g_strdup_printf("/proc/self/fd/%d", fd);
}

/* False: the file system, or a system without /proc, cannot. */
static bool
make_unnamed(struct whole_file *file)
{
  file->fd = openat(file->directory, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
  if (file->fd < 0)
    return false;
  g_autofree char *link = link_of(file->fd);
  if (access(link, F_OK) == 0)
    return true;
  close(file->fd);
  file->fd = -1;
  return false;
}

static enum res
make(struct whole_file *file, GError **error)
{
  g_autofree char *directory = g_path_get_dirname(file->path);
  file->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file->directory < 0)
    return file_trouble(directory, "looking for the directory", error);
  enum res res = look_at_name(file, error);
  if (res != RES_OK || make_unnamed(file))
    return res;
  return make_part(file, error);
}

enum res
whole_file_begin(const char *path, bool replace, struct whole_file **file, GError **error)
{
  OWN(whole_file) made = g_new0(struct whole_file, 1);
  const char *slash = strrchr(path, '/');
  made->path = g_strdup(path);
  made->name = g_strdup(slash ? slash + 1 : path);
  made->part = g_strconcat(made->name, ".part", NULL);
  made->replace = replace;
  made->directory = made->fd = -1;
  enum res res = make(made, error);
  if (res == RES_OK)
    *file = OWN_GIVE(made);
  return res;
}

int
whole_file_descriptor(const struct whole_file *file)
{
  return file->fd;
}

const char *
whole_file_path(const struct whole_file *file)
{
  return file->path;
}

bool
whole_file_replaces(const struct whole_file *file, const char *path)
{
  struct stat status;
  return file->exists && stat(path, &status) == 0 && status.st_dev == file->existing.st_dev && status.st_ino == file->existing.st_ino;
}

/* --- publish --- */

static enum res
naming_failed(const struct whole_file *file, GError **error)
{
  return errno == EEXIST ? name_taken(file, error) : file_trouble(file->path, "giving it its name", error);
}

static bool
link_as(const struct whole_file *file, const char *name)
{
  g_autofree char *link = link_of(file->fd);
  return file->has_part ? linkat(file->directory, file->part, file->directory, name, 0) == 0
                        : linkat(AT_FDCWD, link, file->directory, name, AT_SYMLINK_FOLLOW) == 0;
}

/* No file system can replace a name by a file that has none: that takes two steps. */
static bool
take_name(struct whole_file *file)
{
  if (!file->replace && file->has_part)
    return renameat2(file->directory, file->part, file->directory, file->name, RENAME_NOREPLACE) == 0 || (errno == EINVAL && link_as(file, file->name));
  if (!file->replace)
    return link_as(file, file->name);
  if (!file->has_part) {
    unlinkat(file->directory, file->part, 0);
    if (!link_as(file, file->part))
      return false;
    file->has_part = true;
  }
  return renameat(file->directory, file->part, file->directory, file->name) == 0;
}

enum res
whole_file_publish(struct whole_file *file, GError **error)
{
  if (fsync(file->fd) != 0)
    return file_trouble(file->path, "writing it to disk", error);
  if (!take_name(file))
    return naming_failed(file, error);
  if (file->has_part)
    unlinkat(file->directory, file->part, 0); /* if it was linked, not renamed */
  file->has_part = false;
  return fsync(file->directory) == 0 ? RES_OK : file_trouble(file->path, "writing its name to disk", error);
}

void
whole_file_free(struct whole_file *file)
{
  if (file == NULL)
    return;
  if (file->has_part)
    unlinkat(file->directory, file->part, 0);
  if (file->fd >= 0)
    close(file->fd);
  if (file->directory >= 0)
    close(file->directory);
  g_free(file->part);
  g_free(file->name);
  g_free(file->path);
  g_free(file);
}
