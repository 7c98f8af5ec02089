#include "server/activation.h"
#include "base/slice.h"
#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */
#define FDS_MAX 1024

struct passed {
  int fd;     /* -1: claimed */
  char *name; /* FileDescriptorName=, or the unit's */
  char *text; /* where it listens, as endpoint_text(); NULL: it is no listening stream socket */
};

struct activation {
  GPtrArray *all; /* struct passed * */
};

static void
passed_free(struct passed *passed)
{
  if (passed->fd >= 0)
    close(passed->fd);
  g_free(passed->name);
  g_free(passed->text);
  g_free(passed);
}

/* The numeric form of the address, so that it can be compared; NULL: neither TCP nor a unix socket with a path. Owned by the caller. */
static char *
address_text(const struct sockaddr_storage *address, socklen_t size)
{
  const struct sockaddr_un *un = (const struct sockaddr_un *)address;
  char host[NI_MAXHOST], port[NI_MAXSERV];
  if (address->ss_family == AF_UNIX)
    return size > offsetof(struct sockaddr_un, sun_path) && un->sun_path[0] == '/' ? g_strndup(un->sun_path, sizeof un->sun_path) : NULL;
  if (getnameinfo((const struct sockaddr *)address, size, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return NULL;
  return g_strdup_printf(address->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static bool
has_option(int fd, int option, int wanted)
{
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

static char *
listens_on(int fd)
{
  struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
  socklen_t size = sizeof address;
  if (!has_option(fd, SO_TYPE, SOCK_STREAM) || !has_option(fd, SO_ACCEPTCONN, 1) || getsockname(fd, (struct sockaddr *)&address, &size) != 0)
    return NULL;
  return address_text(&address, size);
}

static void
take_over(struct activation *activation, int fd, const char *name)
{
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0)
    return; /* there is no such descriptor */
  (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  struct passed *passed = g_new0(struct passed, 1);
  *passed = (struct passed){ .fd = fd, .name = g_strdup(name), .text = listens_on(fd) };
  g_ptr_array_add(activation->all, passed);
}

/* 0: not set, or no number. */
static int64_t
number_in(const char *variable)
{
  const char *text = g_getenv(variable);
  int64_t number;
  return text && slice_to_uint(slice_of(text), &number) ? number : 0;
}

struct activation *
activation_take(void)
{
  struct activation *activation = g_new0(struct activation, 1);
  activation->all = g_ptr_array_new_with_free_func((GDestroyNotify)passed_free);
  int64_t n = number_in("LISTEN_PID") == getpid() ? MIN(number_in("LISTEN_FDS"), FDS_MAX) : 0;
  const char *text = g_getenv("LISTEN_FDNAMES");
  g_auto(GStrv) names = g_strsplit(text ? text : "", ":", -1);
  guint n_names = g_strv_length(names);
  for (guint i = 0; i < n; i++)
    take_over(activation, FIRST_FD + (int)i, i < n_names ? names[i] : "unnamed");
  g_unsetenv("LISTEN_PID");
  g_unsetenv("LISTEN_FDS");
  g_unsetenv("LISTEN_FDNAMES");
  return activation;
}

void
activation_free(struct activation *activation)
{
  if (activation == NULL)
    return;
  g_ptr_array_unref(activation->all);
  g_free(activation);
}

/* As the kernel writes it: "[0:0::1]:25" is "[::1]:25". Owned by the caller; NULL: it is no numeric address. */
static char *
normal_text(const struct endpoint *endpoint)
{
  if (endpoint->path)
    return g_strdup(endpoint->path);
  char port[16];
  g_snprintf(port, sizeof port, "%d", endpoint->port);
  struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, *found;
  if (getaddrinfo(endpoint->host, port, &hints, &found) != 0)
    return NULL;
  struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
  memcpy(&address, found->ai_addr, found->ai_addrlen);
  char *text = address_text(&address, found->ai_addrlen);
  freeaddrinfo(found);
  return text;
}

int
activation_claim(struct activation *activation, const struct endpoint *endpoint)
{
  g_autofree char *wanted = activation->all->len ? normal_text(endpoint) : NULL;
  for (guint i = 0; wanted && i < activation->all->len; i++) {
    struct passed *passed = g_ptr_array_index(activation->all, i);
    if (passed->fd >= 0 && g_strcmp0(passed->text, wanted) == 0)
      return g_steal_fd(&passed->fd);
  }
  return -1;
}

enum res
activation_check(const struct activation *activation, GError **error)
{
  for (guint i = 0; i < activation->all->len; i++) {
    const struct passed *passed = g_ptr_array_index(activation->all, i);
    if (passed->fd >= 0)
      return refuse(error, REPLY_SYNTAX, "systemd has passed a socket (%s, %s) that is in no `listen`: write the same address there, or take it out of the .socket unit",
                    passed->name, passed->text ? passed->text : "which does not listen for a stream");
  }
  return RES_OK;
}
