#include "net/endpoint.h"
#include "base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct endpoint_access plain = { .mode = 0666 };

static const struct {
  const char *name, *input, *text, *host, *path;
  enum res want;
  int port;
} rows[] = {
  { .name = "IPv4", .input = "127.0.0.1:8024", .text = "127.0.0.1:8024", .host = "127.0.0.1", .port = 8024 },
  { .name = "IPv6", .input = "[::1]:8024", .text = "[::1]:8024", .host = "::1", .port = 8024 },
  { .name = "name", .input = "mx.example.com:25", .text = "mx.example.com:25", .host = "mx.example.com", .port = 25 },
  { .name = "path", .input = "/run/x.sock", .text = "/run/x.sock", .path = "/run/x.sock" },
  { .name = "unix:", .input = "unix:/run/x.sock", .text = "/run/x.sock", .path = "/run/x.sock" },
  { .name = "port chosen by the kernel", .input = "127.0.0.1:0", .text = "127.0.0.1:0", .host = "127.0.0.1" },
  { .name = "highest port", .input = "127.0.0.1:65535", .text = "127.0.0.1:65535", .host = "127.0.0.1", .port = 65535 },
  { .name = "port too high", .input = "127.0.0.1:65536", .want = RES_BAD },
  { .name = "no port", .input = "127.0.0.1", .want = RES_BAD },
  { .name = "empty port", .input = "127.0.0.1:", .want = RES_BAD },
  { .name = "port with letters", .input = "127.0.0.1:25x", .want = RES_BAD },
  { .name = "no host", .input = ":25", .want = RES_BAD },
  { .name = "nothing", .input = "", .want = RES_BAD },
  { .name = "IPv6 without brackets", .input = "::1:8024", .want = RES_BAD },
  { .name = "IPv6, bracket open", .input = "[::1:8024", .want = RES_BAD },
  { .name = "IPv4 in brackets", .input = "[127.0.0.1]:8024", .want = RES_BAD },
  { .name = "relative path", .input = "unix:x.sock", .want = RES_BAD },
  { .name = "blank in the host", .input = "a b:25", .want = RES_BAD },
  { .name = "path of 108 octets",
    .input = "/34567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    .want = RES_BAD },
};

static void
test_parse(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    OWN(endpoint) endpoint = NULL;
    g_autoptr(GError) error = NULL;
    enum res res = endpoint_parse(rows[i].input, &endpoint, &error);
    if (res != rows[i].want || (res == RES_BAD) != (error != NULL))
      g_error("%s: %d", rows[i].name, (int)res);
    if (res != RES_OK)
      continue;
    g_autofree char *text = endpoint_text(endpoint);
    if (g_strcmp0(text, rows[i].text) || g_strcmp0(endpoint->host, rows[i].host) || g_strcmp0(endpoint->path, rows[i].path) ||
        endpoint->port != rows[i].port)
      g_error("%s: %s", rows[i].name, text);
  }
}

/* ---- sockets ---- */

static enum res
listen_on(const char *text, const struct endpoint_access *access, int *fd, GError **error)
{
  OWN(endpoint) endpoint = NULL;
  g_assert_cmpint(endpoint_parse(text, &endpoint, NULL), ==, RES_OK);
  return endpoint_listen(endpoint, access, fd, error);
}

static enum res
connect_to(const char *text, int64_t within, int *fd, GError **error)
{
  OWN(endpoint) endpoint = NULL;
  g_assert_cmpint(endpoint_parse(text, &endpoint, NULL), ==, RES_OK);
  return endpoint_connect(endpoint, clock_monotonic() + within, fd, error);
}

static void
check_flags(int fd)
{
  g_assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
  g_assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static int
port_of(int fd)
{
  struct sockaddr_storage address;
  socklen_t size = sizeof(address);
  g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &size), ==, 0);
  return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port : ((struct sockaddr_in *)&address)->sin_port);
}

static void
tcp_both_ends(const char *host)
{
  g_autofree char *any = g_strconcat(host, ":0", NULL);
  g_autoptr(GError) error = NULL;
  int listener, client;
  enum res res = listen_on(any, &plain, &listener, &error);
  if (res == RES_MORE) {
    g_test_skip("the machine has no such address");
    return;
  }
  g_assert_no_error(error);
  check_flags(listener);
  g_autofree char *text = g_strdup_printf("%s:%d", host, port_of(listener));
  g_assert_cmpint(connect_to(text, 5 * CLOCK_SECOND, &client, &error), ==, RES_OK);
  check_flags(client);
  close(client);

  int second;
  g_assert_cmpint(listen_on(text, &plain, &second, &error), ==, RES_BAD);
  g_assert_nonnull(strstr(error->message, text));
  g_clear_error(&error);
  close(listener);
  g_assert_cmpint(connect_to(text, 5 * CLOCK_SECOND, &client, &error), ==, RES_TEMP);
  g_assert_nonnull(strstr(error->message, text));
}

static void
test_tcp4(void)
{
  tcp_both_ends("127.0.0.1");
}

static void
test_tcp6(void)
{
  tcp_both_ends("[::1]");
}

/* Both families on one port: an IPv6 listener does not take IPv4's place. */
static void
test_tcp_both_families(void)
{
  int six, four;
  if (listen_on("[::]:0", &plain, &six, NULL) != RES_OK) {
    g_test_skip("no IPv6");
    return;
  }
  g_autofree char *text = g_strdup_printf("0.0.0.0:%d", port_of(six));
  g_assert_cmpint(listen_on(text, &plain, &four, NULL), ==, RES_OK);
  close(six);
  close(four);
}

static void
test_listen_refused(void)
{
  g_autoptr(GError) error = NULL;
  int fd;
  g_assert_cmpint(listen_on("192.0.2.1:8024", &plain, &fd, &error), ==, RES_MORE);
  g_assert_nonnull(strstr(error->message, "192.0.2.1:8024"));
  g_clear_error(&error);
  g_assert_cmpint(listen_on("/nonexistent/folder/x.sock", &plain, &fd, &error), ==, RES_MORE);
  g_clear_error(&error);
  g_assert_cmpint(listen_on("localhost:8024", &plain, &fd, &error), ==, RES_BAD);
}

/* ---- unix sockets, each test in a folder of its own ---- */

static char *
socket_folder(void)
{
  char *folder = g_dir_make_tmp("endpoint-XXXXXX", NULL);
  g_assert_nonnull(folder);
  return folder;
}

static void
test_unix(void)
{
  g_autofree char *folder = socket_folder();
  g_autofree char *path = g_build_filename(folder, "a.sock", NULL);
  g_autoptr(GError) error = NULL;
  int listener, second, client;
  g_assert_cmpint(listen_on(path, &plain, &listener, &error), ==, RES_OK);
  check_flags(listener);
  g_assert_cmpint(connect_to(path, 5 * CLOCK_SECOND, &client, &error), ==, RES_OK);
  check_flags(client);

  /* alive: refused, and still there */
  g_assert_cmpint(listen_on(path, &plain, &second, &error), ==, RES_BAD);
  g_assert_nonnull(strstr(error->message, path));
  g_clear_error(&error);
  close(client);
  g_assert_cmpint(connect_to(path, 5 * CLOCK_SECOND, &client, &error), ==, RES_OK);
  close(client);

  /* stale: nobody answers, then replaced */
  close(listener);
  g_assert_cmpint(connect_to(path, 5 * CLOCK_SECOND, &client, &error), ==, RES_TEMP);
  g_clear_error(&error);
  g_assert_cmpint(listen_on(path, &plain, &listener, &error), ==, RES_OK);
  g_assert_cmpint(connect_to(path, 5 * CLOCK_SECOND, &client, &error), ==, RES_OK);
  close(client);
  close(listener);
  g_unlink(path);
  g_rmdir(folder);
}

/* A full queue of a live listener is not taken for a stale socket, and a connect waits for its deadline only. */
static void
test_unix_full(void)
{
  g_autofree char *folder = socket_folder();
  g_autofree char *path = g_build_filename(folder, "a.sock", NULL);
  g_autoptr(GError) error = NULL;
  int listener, second, fds[4], n = 0;
  g_assert_cmpint(listen_on(path, &plain, &listener, NULL), ==, RES_OK);
  g_assert_cmpint(listen(listener, 0), ==, 0);
  while (n < 4 && connect_to(path, 20 * 1000, &fds[n], NULL) == RES_OK)
    n++;
  g_assert_cmpint(n, <, 4);
  g_assert_cmpint(connect_to(path, 20 * 1000, &second, &error), ==, RES_TEMP);
  g_assert_cmpint(error_reply(error, REPLY_OK), ==, REPLY_TIMEOUT);
  g_clear_error(&error);
  g_assert_cmpint(listen_on(path, &plain, &second, NULL), ==, RES_BAD);
  while (n > 0)
    close(fds[--n]);
  close(listener);
  g_unlink(path);
  g_rmdir(folder);
}

static void
test_unix_not_a_socket(void)
{
  g_autofree char *folder = socket_folder();
  g_autofree char *path = g_build_filename(folder, "precious", NULL);
  g_autofree char *link = g_build_filename(folder, "link", NULL);
  int fd;
  g_assert_true(g_file_set_contents(path, "kept", -1, NULL));
  g_assert_cmpint(symlink(path, link), ==, 0);
  g_assert_cmpint(listen_on(path, &plain, &fd, NULL), ==, RES_BAD);
  g_assert_cmpint(listen_on(link, &plain, &fd, NULL), ==, RES_BAD);
  g_assert_cmpint(listen_on(folder, &plain, &fd, NULL), ==, RES_BAD);
  g_autofree char *contents = NULL;
  g_assert_true(g_file_get_contents(link, &contents, NULL, NULL));
  g_assert_cmpstr(contents, ==, "kept");
  g_unlink(link);
  g_unlink(path);
  g_rmdir(folder);
}

static void
test_unix_mode_and_group(void)
{
  g_autofree char *folder = socket_folder();
  g_autofree char *path = g_build_filename(folder, "a.sock", NULL);
  struct group *group = geteuid() == 0 ? getgrnam("daemon") : getgrgid(getegid());
  g_assert_nonnull(group);
  struct endpoint_access access = { .mode = 0660, .group = group->gr_name };
  struct stat st;
  int fd;
  g_assert_cmpint(listen_on(path, &access, &fd, NULL), ==, RES_OK);
  g_assert_cmpint(lstat(path, &st), ==, 0);
  g_assert_cmpuint(st.st_mode & 07777, ==, 0660);
  g_assert_cmpuint(st.st_gid, ==, group->gr_gid);
  close(fd);

  access = (struct endpoint_access){ .mode = 0600, .group = "" };
  g_assert_cmpint(listen_on(path, &access, &fd, NULL), ==, RES_OK);
  g_assert_cmpint(lstat(path, &st), ==, 0);
  g_assert_cmpuint(st.st_mode & 07777, ==, 0600);
  close(fd);
  g_unlink(path);

  g_autoptr(GError) error = NULL;
  access = (struct endpoint_access){ .mode = 0660, .group = "no-such-group" };
  g_assert_cmpint(listen_on(path, &access, &fd, &error), ==, RES_BAD);
  g_assert_nonnull(strstr(error->message, "no-such-group"));
  g_assert_cmpint(lstat(path, &st), ==, -1);
  g_rmdir(folder);
}

static void
test_connect_name(void)
{
  int listener, client;
  g_assert_cmpint(listen_on("127.0.0.1:0", &plain, &listener, NULL), ==, RES_OK);
  g_autofree char *text = g_strdup_printf("localhost:%d", port_of(listener));
  g_assert_cmpint(connect_to(text, 5 * CLOCK_SECOND, &client, NULL), ==, RES_OK);
  close(client);
  close(listener);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/endpoint/parse", test_parse);
  g_test_add_func("/endpoint/tcp4", test_tcp4);
  g_test_add_func("/endpoint/tcp6", test_tcp6);
  g_test_add_func("/endpoint/tcp-both-families", test_tcp_both_families);
  g_test_add_func("/endpoint/listen-refused", test_listen_refused);
  g_test_add_func("/endpoint/unix", test_unix);
  g_test_add_func("/endpoint/unix-full", test_unix_full);
  g_test_add_func("/endpoint/unix-not-a-socket", test_unix_not_a_socket);
  g_test_add_func("/endpoint/unix-mode-and-group", test_unix_mode_and_group);
  g_test_add_func("/endpoint/connect-name", test_connect_name);
  return g_test_run();
}
