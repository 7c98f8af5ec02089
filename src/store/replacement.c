/* The old database and its log are given second names, the new one takes the name, the log loses its old one: in this order, so that
 *
 *   before the new one has the name    the old database lies beside its log, as it was; the second names are more names of the same files
 *   after that                         the new one says that it has no log (wal_owner.h), and the one that lies there has a second name
 *
 * Second names of a database that is in use would grow old: its next log is another file. So what an earlier attempt has left of them is taken away first. */
#include "store/replacement.h"
#include "base/crash_point.h"
#include "store/wal_owner.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT ".replaced-"

static enum res
remove_file(const char *path, const char *suffix, GError **error)
{
  g_autofree char *name = g_strconcat(path, suffix, NULL);
  return unlink(name) == 0 || errno == ENOENT ? RES_OK : file_trouble(name, "taking it away", error);
}

/* RES_MORE: there is no such file. */
static enum res
add_name(const char *path, const char *suffix, const char *name, const char *name_suffix, GError **error)
{
  g_autofree char *from = g_strconcat(path, suffix, NULL), *to = g_strconcat(name, name_suffix, NULL);
  if (link(from, to) == 0)
    return RES_OK;
  return errno == ENOENT ? RES_MORE : file_trouble(to, "keeping what was there", error);
}

/* Of the database at `path`, if it has any. */
static enum res
remove_second_names(const char *path, GError **error)
{
  struct stat ours, named;
  if (stat(path, &ours) != 0 || ours.st_nlink < 2)
    return RES_OK;
  g_autofree char *folder = g_path_get_dirname(path), *base = g_path_get_basename(path), *start = g_strconcat(base, KEPT, NULL);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  enum res res = dir ? RES_OK : file_trouble(folder, "looking for what is kept there", error);
  for (const char *name; res == RES_OK && (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *second = g_build_filename(folder, name, NULL);
    if (!g_str_has_prefix(name, start) || stat(second, &named) != 0 || named.st_ino != ours.st_ino || named.st_dev != ours.st_dev)
      continue;
    res = remove_file(second, "-wal", error);
    if (res == RES_OK)
      res = remove_file(second, "", error);
  }
  return res;
}

/* RES_MORE: nothing was there. */
static enum res
keep(const char *path, const char *kept, GError **error)
{
  int fd;
  bool stray = wal_owner_check(path, &fd, NULL) == RES_BAD;
  if (fd >= 0)
    close(fd);
  enum res res = add_name(path, "", kept, "", error);
  if (res == RES_TEMP)
    return res;
  return add_name(path, "-wal", kept, stray ? ".stray-wal" : "-wal", error) == RES_TEMP ? RES_TEMP : res;
}

enum res
replacement_make(struct whole_file *file, char **kept, GError **error)
{
  const char *path = whole_file_path(file);
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_autofree char *suffix = g_date_time_format(now, KEPT "%Y%m%dT%H%M%S.%fZ"), *name = g_strconcat(path, suffix, NULL);
  *kept = NULL;
  enum res had = remove_second_names(path, error);
  if (had == RES_OK)
    had = keep(path, name, error);
  CRASH_POINT("replaced-kept");
  enum res res = had == RES_MORE ? RES_OK : had;
  if (res == RES_OK)
    res = whole_file_publish(file, error);
  if (res != RES_OK) {
    (void)remove_second_names(path, NULL);
    return RES_TEMP;
  }
  CRASH_POINT("replaced-published");
  res = remove_file(path, "-wal", error);
  if (res == RES_OK)
    res = remove_file(path, "-shm", error);
  *kept = had == RES_OK ? g_steal_pointer(&name) : NULL;
  return res;
}
