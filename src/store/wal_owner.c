#include "store/wal_owner.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Write version and read version, from this offset on: 1 is a rollback journal, 2 a write-ahead log. */
#define VERSIONS_AT 18
#define NO_LOG 1

enum res
wal_owner_disown(int fd, GError **error)
{
  static const unsigned char versions[2] = { NO_LOG, NO_LOG };
  if (pwrite(fd, versions, sizeof versions, VERSIONS_AT) == (ssize_t)sizeof versions)
    return RES_OK;
  return file_trouble("the copy", "marking it", error);
}

/* The log is looked at before the header: whoever opens a copy for the first time changes the header, and makes the log thereafter. */
enum res
wal_owner_check(const char *path, int *fd, GError **error)
{
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  struct stat status;
  unsigned char versions[2];
  *fd = -1;
  if (stat(wal, &status) != 0 || status.st_size == 0)
    return RES_OK;
  *fd = open(path, O_RDONLY | O_CLOEXEC);
  if (*fd < 0 || pread(*fd, versions, sizeof versions, VERSIONS_AT) != (ssize_t)sizeof versions || versions[0] != NO_LOG)
    return RES_OK; /* if it is no database, opening it will tell */
  return refuse(error, REPLY_TROUBLE,
                "%s is the write-ahead log of another database, not of %s beside it, which is a backup put in its place; it would damage it: take away %s and %s-shm", wal,
                path, wal, path);
}
