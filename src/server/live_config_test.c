#include "server/live_config.h"
#include <glib/gstdio.h>
#include <unistd.h>

static struct config *
config_named(const char *hostname)
{
  g_autofree char *path = NULL, *text = g_strdup_printf("[server]\nhostname = %s\n", hostname);
  int fd = g_file_open_tmp("listward-live-XXXXXX", &path, NULL);
  g_assert_cmpint(fd, >=, 0);
  close(fd);
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
  struct config *config = NULL;
  g_assert_cmpint(config_load(path, &config, NULL), ==, RES_OK);
  g_unlink(path);
  return config;
}

/* Who holds a configuration keeps it over a reload; AddressSanitizer sees a use after its end, and a leak. */
static void
test_replace(void)
{
  struct live_config *live = live_config_new(config_named("one.example"));
  const struct config *held = live_config_acquire(live);
  live_config_replace(live, config_named("two.example"));
  live_config_replace(live, config_named("three.example"));
  g_assert_cmpstr(held->hostname, ==, "one.example");
  const struct config *now = live_config_acquire(live);
  g_assert_cmpstr(now->hostname, ==, "three.example");
  live_config_release(live, held);
  live_config_release(live, now);
  live_config_free(live);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/live_config/replace", test_replace);
  return g_test_run();
}
