/* The system is asked once a second at most, and only when somebody wants to write: an idle server asks nothing.
 *
 * Once there is too little, there is enough again only when there is an eighth more than the least, so that a disk at the edge does not make the log
 * say so each second. */
#include "store/disk_space.h"
#include "base/clock.h"
#include "base/log.h"
#include <pthread.h>
#include <sys/statvfs.h>

#define LOOK_EVERY CLOCK_SECOND
#define MIB (1024 * 1024)

struct disk_space {
  char *directory;
  pthread_mutex_t lock;
  int64_t looked_at; /* monotonic; 0: never */
  int64_t free;      /* octets, as seen then */
  bool low;
};

struct disk_space *
disk_space_new(const char *path)
{
  struct disk_space *space = g_new0(struct disk_space, 1);
  space->directory = g_path_get_dirname(path);
  pthread_mutex_init(&space->lock, NULL);
  return space;
}

void
disk_space_free(struct disk_space *space)
{
  if (space == NULL)
    return;
  pthread_mutex_destroy(&space->lock);
  g_free(space->directory);
  g_free(space);
}

/* Locked. A file system that does not say is taken to have room: the write will tell. */
static void
look(struct disk_space *space)
{
  struct statvfs room;
  int64_t now = clock_monotonic();
  if (space->looked_at && now - space->looked_at < LOOK_EVERY)
    return;
  space->looked_at = now;
  space->free = statvfs(space->directory, &room) == 0 ? (int64_t)MIN((uint64_t)room.f_bavail * room.f_frsize, (uint64_t)INT64_MAX) : INT64_MAX;
}

/* Locked. */
static void
tell(struct disk_space *space, bool low, int64_t free, int64_t least)
{
  if (low == space->low)
    return;
  space->low = low;
  if (low)
    log_alarm("the disk is nearly full: no mail is taken until there is room", log_str("directory", space->directory), log_int("free_mib", free / MIB),
              log_int("min_free_space_mib", least / MIB));
  else
    log_note("the disk has room again: mail is taken", log_str("directory", space->directory), log_int("free_mib", free / MIB));
}

/* Locked. */
static enum res
judge(struct disk_space *space, int64_t free, int64_t least, int64_t more, GError **error)
{
  tell(space, free < (space->low ? least + least / 8 : least), free, least);
  if (!space->low && more <= free - least)
    return RES_OK;
  return trouble(error, REPLY_FULL, "%s: %" G_GINT64_FORMAT " MiB are free, and [limits] min_free_space = %" G_GINT64_FORMAT " MiB are to stay so; make room on the disk",
                 space->directory, free / MIB, least / MIB);
}

enum res
disk_space_judge(struct disk_space *space, int64_t free, int64_t least, int64_t more, GError **error)
{
  pthread_mutex_lock(&space->lock);
  enum res res = judge(space, free, least, more, error);
  pthread_mutex_unlock(&space->lock);
  return res;
}

enum res
disk_space_check(struct disk_space *space, int64_t least, int64_t more, GError **error)
{
  pthread_mutex_lock(&space->lock);
  look(space);
  enum res res = judge(space, space->free, least, more, error);
  pthread_mutex_unlock(&space->lock);
  return res;
}
