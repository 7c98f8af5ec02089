#include "server/watchdog.h"
#include "server/notify.h"
#include <glib/gstdio.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int systemd; /* the other end of $NOTIFY_SOCKET */
static atomic_bool works;
static atomic_int asked;

static bool
able(void *ctx, int64_t deadline)
{
  g_assert_true(ctx == &works && deadline > 0);
  atomic_fetch_add(&asked, 1);
  return atomic_load(&works);
}

/* What systemd is told next. */
static void
expect_alive(void)
{
  char text[64] = "";
  g_assert_cmpint(recv(systemd, text, sizeof text - 1, 0), >, 0);
  g_assert_cmpstr(text, ==, "WATCHDOG=1");
}

static void
asked_again(int times)
{
  for (int until = atomic_load(&asked) + times; atomic_load(&asked) < until;)
    sched_yield();
}

static void
while_it_works(void)
{
  OWN(watchdog) watchdog = NULL;
  atomic_store(&works, true);
  g_setenv("WATCHDOG_USEC", "10000", TRUE);
  g_assert_cmpint(watchdog_start(able, &works, &watchdog, NULL), ==, RES_OK);
  g_assert_nonnull(watchdog);
  for (int i = 0; i < 3; i++)
    expect_alive();

  atomic_store(&works, false);
  asked_again(2); /* those before the change have been told now */
  char text[64];
  while (recv(systemd, text, sizeof text, MSG_DONTWAIT) > 0)
    continue;
  asked_again(3);
  g_assert_cmpint(recv(systemd, text, sizeof text, MSG_DONTWAIT), <, 0);

  atomic_store(&works, true);
  expect_alive();
}

static const struct {
  const char *name, *usec, *pid; /* "self": ours; NULL: not set */
  bool thread;
} rows[] = {
  { .name = "not asked for" },
  { .name = "for us", .usec = "60000000", .pid = "self", .thread = true },
  { .name = "for whom it is not said", .usec = "60000000", .thread = true },
  { .name = "for another process", .usec = "60000000", .pid = "1" },
  { .name = "never", .usec = "0" },
  { .name = "no number", .usec = "soon" },
};

static void
who_is_asked(void)
{
  g_autofree char *self = g_strdup_printf("%d", (int)getpid());
  atomic_store(&works, true);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    const struct { const char *name, *value; } variables[] = {
      { "WATCHDOG_USEC", rows[i].usec }, { "WATCHDOG_PID", g_strcmp0(rows[i].pid, "self") == 0 ? self : rows[i].pid },
    };
    for (size_t k = 0; k < G_N_ELEMENTS(variables); k++)
      if (variables[k].value)
        g_setenv(variables[k].name, variables[k].value, TRUE);
      else
        g_unsetenv(variables[k].name);
    OWN(watchdog) watchdog = NULL;
    g_assert_cmpint(watchdog_start(able, &works, &watchdog, NULL), ==, RES_OK);
    if ((watchdog != NULL) != rows[i].thread)
      g_error("%s", rows[i].name);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_autofree char *folder = g_dir_make_tmp("watchdog-XXXXXX", NULL), *path = g_build_filename(folder, "notify", NULL);
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_strlcpy(address.sun_path, path, sizeof address.sun_path);
  systemd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint(bind(systemd, (struct sockaddr *)&address, sizeof address), ==, 0);
  g_setenv("NOTIFY_SOCKET", path, TRUE);
  notify_open();
  g_test_add_func("/watchdog/works", while_it_works);
  g_test_add_func("/watchdog/asked", who_is_asked);
  int rc = g_test_run();
  close(systemd);
  g_unlink(path);
  g_rmdir(folder);
  return rc;
}
