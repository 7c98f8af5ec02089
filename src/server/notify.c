#include "server/notify.h"
#include "base/log.h"
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int notify_fd = -1;

static void
warn(const char *state)
{
  log_warn("systemd was not notified", log_str("state", state), log_str("error", g_strerror(errno)));
}

void
notify_open(void)
{
  const char *path = g_getenv("NOTIFY_SOCKET");
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path)
    return;
  memcpy(address.sun_path, path, strlen(path));
  if (path[0] == '@')
    address.sun_path[0] = '\0'; /* abstract name */
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
  notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (notify_fd < 0 || connect(notify_fd, (struct sockaddr *)&address, size) == 0)
    return;
  warn("");
  close(notify_fd);
  notify_fd = -1;
}

void
notify_send(const char *state)
{
  if (notify_fd >= 0 && send(notify_fd, state, strlen(state), MSG_NOSIGNAL) < 0)
    warn(state);
}
