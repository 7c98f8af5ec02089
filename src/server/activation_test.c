/* Each case in a process of its own, since the passed descriptors begin with 3: the test starts itself again with them. */
#include "server/activation.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *program;
static char *folder;

/* What the parent makes: a descriptor that listens on `endpoint`, or is something else. */
static int
made(const char *text)
{
  OWN(endpoint) endpoint = NULL;
  int fd = -1;
  if (strcmp(text, "pipe") == 0)
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (strcmp(text, "datagram") == 0)
    return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint(endpoint_parse(text, &endpoint, NULL), ==, RES_OK);
  g_assert_cmpint(endpoint_listen(endpoint, &(struct endpoint_access){ .mode = 0600 }, &fd, NULL), ==, RES_OK);
  return fd;
}

/* ---- inside: what the child finds ---- */

/* What activation_check() says; owned by the caller; NULL: nothing. */
static char *
complaint(const struct activation *activation)
{
  g_autoptr(GError) error = NULL;
  return activation_check(activation, &error) == RES_OK ? NULL : g_strdup(error->message);
}

static bool
claims(struct activation *activation, const char *text)
{
  OWN(endpoint) endpoint = NULL;
  g_assert_cmpint(endpoint_parse(text, &endpoint, NULL), ==, RES_OK);
  int fd = activation_claim(activation, endpoint);
  if (fd < 0)
    return false;
  g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
  g_assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
  g_assert_cmpint(accept(fd, NULL, NULL), ==, -1);
  g_assert_true(errno == EAGAIN || errno == EWOULDBLOCK);
  close(fd);
  return true;
}

static void
inside_two_of_three(struct activation *activation)
{
  g_autofree char *path = g_build_filename(folder, "a.sock", NULL);
  g_assert_true(claims(activation, path));
  g_assert_false(claims(activation, path));
  g_assert_false(claims(activation, "127.0.0.1:1"));
  g_assert_true(claims(activation, "[0:0::1]:17113"));
  g_autofree char *why = complaint(activation);
  g_assert_nonnull(strstr(why, "(third, 127.77.1.12:17112)"));
  g_assert_true(claims(activation, "127.77.1.12:17112"));
  g_assert_null(complaint(activation));
}

static void
inside_others(struct activation *activation)
{
  g_autofree char *why = complaint(activation);
  g_assert_nonnull(strstr(why, "(null, which does not listen"));
}

static void
inside_nothing(struct activation *activation)
{
  g_assert_null(complaint(activation));
  g_assert_false(claims(activation, "127.77.1.12:17112"));
  g_assert_cmpint(fcntl(3, F_GETFD), >=, 0); /* it is somebody else's */
}

static void
inside_unnamed(struct activation *activation)
{
  g_autofree char *why = complaint(activation);
  g_assert_nonnull(strstr(why, "(unnamed, 127.77.1.12:17112)"));
}

static const struct {
  const char *name;
  const char *passed[4];
  const char *count, *names; /* of the environment; NULL: not set */
  bool another_pid;
  void (*inside)(struct activation *activation);
} cases[] = {
  { .name = "two-of-three", .passed = { "a.sock", "[::1]:17113", "127.77.1.12:17112" }, .count = "3", .names = "first:second:third", .inside = inside_two_of_three },
  { .name = "no-listener", .passed = { "pipe" }, .count = "1", .names = "null", .inside = inside_others },
  { .name = "no-stream", .passed = { "datagram" }, .count = "1", .names = "null", .inside = inside_others },
  { .name = "another-process", .passed = { "127.77.1.12:17112" }, .count = "1", .another_pid = true, .inside = inside_nothing },
  { .name = "none", .passed = { "127.77.1.12:17112" }, .inside = inside_nothing },
  { .name = "no-number", .passed = { "127.77.1.12:17112" }, .count = "-1", .inside = inside_nothing },
  { .name = "without-names", .passed = { "127.77.1.12:17112" }, .count = "1", .inside = inside_unnamed },
  { .name = "more-than-there-are", .passed = { "127.77.1.12:17112" }, .count = "4000000000", .names = "", .inside = inside_unnamed },
};

static int
inside(const char *name)
{
  OWN(activation) activation = activation_take();
  g_assert_null(g_getenv("LISTEN_PID"));
  g_assert_null(g_getenv("LISTEN_FDS"));
  g_assert_null(g_getenv("LISTEN_FDNAMES"));
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
    if (strcmp(cases[i].name, name) == 0)
      cases[i].inside(activation);
  return 0;
}

/* ---- outside ---- */

static void
set_or_unset(const char *variable, const char *value)
{
  if (value)
    g_setenv(variable, value, TRUE);
  else
    g_unsetenv(variable);
}

/* As systemd does it between fork and exec. */
static _Noreturn void
become(size_t row, const int *fds, int n)
{
  g_autofree char *pid = g_strdup_printf("%d", (int)getpid() + cases[row].another_pid);
  int above[G_N_ELEMENTS(cases[row].passed)];
  for (int i = 0; i < n; i++)
    above[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 100);
  for (int i = 0; i < n; i++)
    dup2(above[i], 3 + i);
  set_or_unset("LISTEN_PID", pid);
  set_or_unset("LISTEN_FDS", cases[row].count);
  set_or_unset("LISTEN_FDNAMES", cases[row].names);
  execl(program, program, "--inside", cases[row].name, folder, NULL);
  _exit(127);
}

static void
run_case(gconstpointer data)
{
  size_t row = GPOINTER_TO_SIZE(data);
  int fds[G_N_ELEMENTS(cases[row].passed)], n = 0;
  for (; cases[row].passed[n]; n++) {
    bool in_folder = g_str_has_suffix(cases[row].passed[n], ".sock");
    g_autofree char *text = in_folder ? g_build_filename(folder, cases[row].passed[n], NULL) : g_strdup(cases[row].passed[n]);
    fds[n] = made(text);
    g_assert_cmpint(fds[n], >=, 0);
  }
  pid_t child = fork();
  if (child == 0)
    become(row, fds, n);
  int status = 0;
  g_assert_cmpint(waitpid(child, &status, 0), ==, child);
  for (int i = 0; i < n; i++)
    close(fds[i]);
  if (status != 0)
    g_error("%s: %d", cases[row].name, status);
}

int
main(int argc, char **argv)
{
  if (argc == 4 && strcmp(argv[1], "--inside") == 0) {
    folder = argv[3];
    return inside(argv[2]);
  }
  program = argv[0];
  g_test_init(&argc, &argv, NULL);
  folder = g_dir_make_tmp("activation-XXXXXX", NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *path = g_strconcat("/activation/", cases[i].name, NULL);
    g_test_add_data_func(path, GSIZE_TO_POINTER(i), run_case);
  }
  int rc = g_test_run();
  g_autofree char *path = g_build_filename(folder, "a.sock", NULL);
  g_unlink(path);
  g_rmdir(folder);
  g_free(folder);
  return rc;
}
