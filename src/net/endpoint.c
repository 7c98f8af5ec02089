#include "net/endpoint.h"
#include "base/clock.h"
#include "base/in_hand.h"
#include "base/slice.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_BACKLOG 512
#define GROUP_BUFFER_MAX (1024 * 1024)

/* ---- text ---- */

static enum res
not_an_endpoint(const char *text, GError **error)
{
  return refuse(error, REPLY_SYNTAX, "\"%s\" is no address: write 127.0.0.1:8024, [::1]:8024 or /path/of/a.sock", text);
}

static enum res
parse_unix(const char *text, const char *path, struct endpoint **endpoint, GError **error)
{
  if (path[0] != '/')
    return not_an_endpoint(text, error);
  if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
    return refuse(error, REPLY_SYNTAX, "\"%s\": the path of a socket has at most %zu octets", text,
                  sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
  *endpoint = g_new0(struct endpoint, 1);
  (*endpoint)->path = g_strdup(path);
  return RES_OK;
}

static bool
is_host(struct slice host, bool bracketed)
{
  if (host.n == 0 || host.n > 253)
    return false;
  for (size_t i = 0; i < host.n; i++) {
    char c = host.p[i];
    bool ok = g_ascii_isalnum(c) || c == '.' || c == '-' || c == '_';
    if (!ok && !(bracketed && (c == ':' || c == '%')))
      return false;
  }
  return !bracketed || slice_find(host, ':') < host.n;
}

enum res
endpoint_parse(const char *text, struct endpoint **endpoint, GError **error)
{
  if (text[0] == '/' || g_str_has_prefix(text, "unix:"))
    return parse_unix(text, text[0] == '/' ? text : text + strlen("unix:"), endpoint, error);

  bool bracketed = text[0] == '[';
  const char *colon = bracketed ? strstr(text, "]:") : strchr(text, ':');
  if (colon == NULL)
    return not_an_endpoint(text, error);
  const char *start = bracketed ? text + 1 : text;
  struct slice host = { start, (size_t)(colon - start) };
  int64_t port;
  if (!is_host(host, bracketed) || !slice_to_uint(slice_of(colon + (bracketed ? 2 : 1)), &port) || port > 65535)
    return not_an_endpoint(text, error);
  *endpoint = g_new0(struct endpoint, 1);
  (*endpoint)->host = slice_dup(host);
  (*endpoint)->port = (int)port;
  return RES_OK;
}

void
endpoint_free(struct endpoint *endpoint)
{
  if (endpoint == NULL)
    return;
  g_free(endpoint->host);
  g_free(endpoint->path);
  g_free(endpoint);
}

char *
endpoint_text(const struct endpoint *endpoint)
{
  if (endpoint->path)
    return g_strdup(endpoint->path);
  bool bracketed = strchr(endpoint->host, ':') != NULL;
  return g_strdup_printf(bracketed ? "[%s]:%d" : "%s:%d", endpoint->host, endpoint->port);
}

/* ---- common to both directions ---- */

static void
close_keeping_errno(int fd)
{
  int saved = errno;
  close(fd);
  errno = saved;
}

static struct sockaddr_un
unix_address(const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
  return address;
}

static int
unix_socket(int flags)
{
  return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
}

static enum res
resolve(const struct endpoint *endpoint, int flags, struct addrinfo **addresses, GError **error)
{
  char port[16];
  g_snprintf(port, sizeof(port), "%d", endpoint->port);
  struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV };
  int rc = getaddrinfo(endpoint->host, port, &hints, addresses);
  if (rc == 0)
    return RES_OK;
  const char *why = rc == EAI_SYSTEM ? g_strerror(errno) : gai_strerror(rc);
  return trouble(error, REPLY_TROUBLE, "%s:%d: %s", endpoint->host, endpoint->port, why);
}

/* ---- listening ---- */

/* The result for a listener that could not be made, from errno. */
static enum res
listen_failed(const struct endpoint *endpoint, GError **error)
{
  int saved = errno;
  g_autofree char *text = endpoint_text(endpoint);
  (void)refuse(error, REPLY_TROUBLE, "cannot listen on %s: %s", text, g_strerror(saved));
  bool lacking = saved == EADDRNOTAVAIL || saved == EAFNOSUPPORT || (saved == ENOENT && endpoint->path);
  return lacking ? RES_MORE : RES_BAD;
}

static enum res
listen_tcp(const struct endpoint *endpoint, int *out, GError **error)
{
  struct addrinfo *address;
  enum res res = resolve(endpoint, AI_NUMERICHOST | AI_PASSIVE, &address, NULL);
  if (res != RES_OK)
    return refuse(error, REPLY_SYNTAX, "cannot listen on %s:%d: a listener needs a numeric address", endpoint->host, endpoint->port);
  int on = 1;
  int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0;
  if (ok && address->ai_family == AF_INET6)
    ok = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0;
  ok = ok && bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, LISTEN_BACKLOG) == 0;
  int saved = errno;
  freeaddrinfo(address);
  errno = saved;
  if (ok) {
    *out = fd;
    return RES_OK;
  }
  if (fd >= 0)
    close_keeping_errno(fd);
  return listen_failed(endpoint, error);
}

static enum res
group_id(const char *name, gid_t *gid, GError **error)
{
  struct group group, *found = NULL;
  int rc = ERANGE;
  for (size_t size = 1024; rc == ERANGE && size <= GROUP_BUFFER_MAX; size *= 2) {
    g_autofree char *buffer = g_malloc(size);
    rc = getgrnam_r(name, &group, buffer, size, &found);
  }
  if (rc == 0 && found == NULL)
    return refuse(error, REPLY_SYNTAX, "there is no group \"%s\"", name);
  if (rc != 0)
    return refuse(error, REPLY_TROUBLE, "group \"%s\": %s", name, g_strerror(rc));
  *gid = group.gr_gid;
  return RES_OK;
}

/* Takes away a socket that nobody listens on. RES_BAD: somebody does, or it is no socket. */
static enum res
remove_stale(const char *path, GError **error)
{
  struct stat st;
  if (lstat(path, &st) != 0)
    return errno == ENOENT ? RES_OK : refuse(error, REPLY_TROUBLE, "cannot listen on %s: %s", path, g_strerror(errno));
  if (!S_ISSOCK(st.st_mode))
    return refuse(error, REPLY_TROUBLE, "cannot listen on %s: it exists and is no socket", path);

  struct sockaddr_un address = unix_address(path);
  int fd = unix_socket(SOCK_NONBLOCK);
  if (fd < 0)
    return refuse(error, REPLY_TROUBLE, "cannot listen on %s: %s", path, g_strerror(errno));
  int rc = connect(fd, (struct sockaddr *)&address, sizeof(address));
  bool stale = rc != 0 && errno == ECONNREFUSED;
  close_keeping_errno(fd);
  if (rc == 0 || errno == EAGAIN)
    return refuse(error, REPLY_TROUBLE, "cannot listen on %s: another process does", path);
  if (!stale || unlink(path) != 0)
    return refuse(error, REPLY_TROUBLE, "cannot replace %s: %s", path, g_strerror(errno));
  return RES_OK;
}

/* The file is made without any permission (Linux takes them from the descriptor), so that nobody gets in before it is as configured. */
static bool
bind_unix(int fd, const char *path, const struct endpoint_access *access, gid_t gid)
{
  struct sockaddr_un address = unix_address(path);
  if (fchmod(fd, 0) != 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
    return false;
  if (listen(fd, LISTEN_BACKLOG) == 0 && (gid == (gid_t)-1 || chown(path, (uid_t)-1, gid) == 0) && chmod(path, access->mode) == 0)
    return true;
  int saved = errno;
  (void)unlink(path);
  errno = saved;
  return false;
}

static enum res
listen_unix(const struct endpoint *endpoint, const struct endpoint_access *access, int *out, GError **error)
{
  gid_t gid = (gid_t)-1;
  enum res res = RES_OK;
  if (access->group && access->group[0])
    res = group_id(access->group, &gid, error);
  if (res == RES_OK)
    res = remove_stale(endpoint->path, error);
  if (res != RES_OK)
    return res;
  int fd = unix_socket(SOCK_NONBLOCK);
  if (fd >= 0 && bind_unix(fd, endpoint->path, access, gid)) {
    *out = fd;
    return RES_OK;
  }
  if (fd >= 0)
    close_keeping_errno(fd);
  return listen_failed(endpoint, error);
}

enum res
endpoint_listen(const struct endpoint *endpoint, const struct endpoint_access *access, int *fd, GError **error)
{
  return endpoint->path ? listen_unix(endpoint, access, fd, error) : listen_tcp(endpoint, fd, error);
}

/* ---- connecting ---- */

/* Until the connection stands or the deadline; false with errno set. */
static bool
connected(int fd, int64_t deadline)
{
  for (;;) {
    int64_t left = deadline - clock_monotonic();
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    int n = left > 0 ? poll(&p, 1, left / 1000 >= INT_MAX ? INT_MAX : (int)(left / 1000) + 1) : 0;
    if (n < 0 && errno == EINTR)
      continue;
    if (n == 0)
      errno = ETIMEDOUT;
    if (n <= 0)
      return false;
    int failure = 0;
    socklen_t size = sizeof(failure);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0)
      return false;
    errno = failure;
    return failure == 0;
  }
}

/* A descriptor, or -1 with errno set. */
static int
connect_address(const struct addrinfo *address, int64_t deadline)
{
  int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -1;
  if (connect(fd, address->ai_addr, address->ai_addrlen) == 0 || (errno == EINPROGRESS && connected(fd, deadline)))
    return fd;
  close_keeping_errno(fd);
  return -1;
}

/* A unix socket's connect does not go on in the background: it blocks (a send timeout bounds it) while the listener's queue is full. */
static int
connect_unix(const char *path, int64_t deadline)
{
  int64_t left = deadline - clock_monotonic();
  if (left <= 0) {
    errno = ETIMEDOUT;
    return -1;
  }
  int fd = unix_socket(0);
  if (fd < 0)
    return -1;
  struct timeval wait = { .tv_sec = left / CLOCK_SECOND, .tv_usec = left % CLOCK_SECOND };
  struct sockaddr_un address = unix_address(path);
  if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
      fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
    return fd;
  if (errno == EAGAIN)
    errno = ETIMEDOUT;
  close_keeping_errno(fd);
  return -1;
}

/* Each address gets its share of the time that is left, so that one which swallows packets does not use up the others'. */
static int
connect_any(const struct addrinfo *addresses, int64_t deadline)
{
  int fd = -1, left = 0;
  for (const struct addrinfo *a = addresses; a; a = a->ai_next)
    left++;
  for (const struct addrinfo *a = addresses; a && fd < 0; a = a->ai_next, left--) {
    int64_t now = clock_monotonic();
    fd = connect_address(a, now + (deadline - now) / left);
  }
  return fd;
}

static enum res
try_to_connect(const struct endpoint *endpoint, int64_t deadline, int *fd, GError **error)
{
  if (endpoint->path)
    *fd = connect_unix(endpoint->path, deadline);
  else {
    struct addrinfo *addresses;
    enum res res = resolve(endpoint, 0, &addresses, error);
    if (res != RES_OK)
      return res;
    *fd = connect_any(addresses, deadline);
    int saved = errno;
    freeaddrinfo(addresses);
    errno = saved;
  }
  if (*fd >= 0)
    return RES_OK;
  int saved = errno;
  g_autofree char *text = endpoint_text(endpoint);
  return trouble(error, saved == ETIMEDOUT ? REPLY_TIMEOUT : REPLY_TROUBLE, "cannot connect to %s: %s", text, g_strerror(saved));
}

enum res
endpoint_connect(const struct endpoint *endpoint, int64_t deadline, int *fd, GError **error)
{
  in_hand_wait();
  enum res res = try_to_connect(endpoint, deadline, fd, error);
  in_hand_go_on();
  return res;
}
