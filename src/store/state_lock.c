#include "store/state_lock.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

enum res
state_lock_take(const char *state_dir, int *fd, GError **error)
{
  if (g_mkdir_with_parents(state_dir, 0700) != 0)
    return trouble(error, REPLY_TROUBLE, "making the state directory %s: %s", state_dir, g_strerror(errno));
  int folder = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0)
    return trouble(error, REPLY_TROUBLE, "[server] state_dir = %s: %s", state_dir, g_strerror(errno));
  if (flock(folder, LOCK_EX | LOCK_NB) == 0) {
    *fd = folder;
    return RES_OK;
  }
  int saved = errno;
  close(folder);
  if (saved == EWOULDBLOCK)
    return refuse(error, REPLY_TROUBLE, "[server] state_dir = %s: another server is running there", state_dir);
  return trouble(error, REPLY_TROUBLE, "[server] state_dir = %s: %s", state_dir, g_strerror(saved));
}
