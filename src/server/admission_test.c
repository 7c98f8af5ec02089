#include "server/admission.h"
#include "base/clock.h"
#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <unistd.h>

/* ---- who connects ---- */

static const struct {
  const char *name, *address; /* NULL: a unix socket */
  const char *host, *text;
  bool local, allowed; /* by the networks below */
} rows[] = {
  { .name = "unix socket", .address = NULL, .host = "", .text = "unix", .local = true, .allowed = true },
  { .name = "loopback", .address = "127.0.0.1", .host = "127.0.0.1", .text = "127.0.0.1:4711", .local = true, .allowed = true },
  { .name = "all of 127/8 is", .address = "127.9.8.7", .host = "127.9.8.7", .text = "127.9.8.7:4711", .local = true, .allowed = true },
  { .name = "loopback, IPv6", .address = "::1", .host = "::1", .text = "[::1]:4711", .local = true, .allowed = true },
  { .name = "loopback, mapped", .address = "::ffff:127.0.0.1", .host = "127.0.0.1", .text = "127.0.0.1:4711", .local = true, .allowed = true },
  { .name = "in the network", .address = "192.0.2.77", .host = "192.0.2.77", .text = "192.0.2.77:4711", .allowed = true },
  { .name = "in the network, mapped", .address = "::ffff:192.0.2.77", .host = "192.0.2.77", .text = "192.0.2.77:4711", .allowed = true },
  { .name = "in the network, IPv6", .address = "2001:db8::77", .host = "2001:db8::77", .text = "[2001:db8::77]:4711", .allowed = true },
  { .name = "beside it", .address = "192.0.3.1", .host = "192.0.3.1", .text = "192.0.3.1:4711" },
  { .name = "beside it, IPv6", .address = "2001:db9::1", .host = "2001:db9::1", .text = "[2001:db9::1]:4711" },
  { .name = "none at all", .address = "::", .host = "::", .text = "[::]:4711" },
};

static struct sockaddr_storage
address_of(const char *text)
{
  union {
    struct sockaddr_storage any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
  } address = { .any.ss_family = AF_UNIX };
  if (text && strchr(text, ':')) {
    address.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(4711) };
    g_assert_cmpint(inet_pton(AF_INET6, text, &address.in6.sin6_addr), ==, 1);
  } else if (text) {
    address.in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(4711) };
    g_assert_cmpint(inet_pton(AF_INET, text, &address.in.sin_addr), ==, 1);
  }
  return address.any;
}

/* The configuration with these lines. RES_BAD goes to `error`. */
static struct config *
config_with(const char *lines)
{
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp("listward-XXXXXX.conf", &path, NULL);
  struct config *config = NULL;
  g_assert_cmpint(fd, >=, 0);
  g_assert_true(g_file_set_contents(path, lines, -1, NULL));
  enum res res = config_load(path, &config, NULL);
  g_assert_cmpint(res, ==, RES_OK);
  close(fd);
  g_unlink(path);
  return config;
}

static void
who_connects(void)
{
  OWN(config) config = config_with("[lmtp]\nallow = 192.0.2.0/24, 2001:db8::/32\n[milter]\nallow = 198.51.100.1\n");
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    const struct sockaddr_storage address = address_of(rows[i].address);
    struct newcomer newcomer;
    newcomer_read(&address, &newcomer);
    if (strcmp(newcomer.host, rows[i].host) != 0 || strcmp(newcomer.text, rows[i].text) != 0 || newcomer.local != rows[i].local)
      g_error("%s: %s %s %d", rows[i].name, newcomer.host, newcomer.text, newcomer.local);
    if (newcomer_is_allowed(&newcomer, config, CONFIG_LMTP) != rows[i].allowed || newcomer_is_allowed(&newcomer, config, CONFIG_CALLOUT) != rows[i].allowed)
      g_error("%s: allowed?", rows[i].name);
    if (newcomer_is_allowed(&newcomer, config, CONFIG_MILTER) != rows[i].local)
      g_error("%s: allowed by another service's key?", rows[i].name);
  }
}

/* ---- what may be configured ---- */

static const struct {
  const char *name, *lines, *want; /* part of the error; NULL: none */
} configurations[] = {
  { .name = "defaults", .lines = "" },
  { .name = "all of loopback", .lines = "[lmtp]\nlisten = 127.0.1.1:24, [::1]:24, [::ffff:127.0.0.1]:24, /run/x.sock, unix:/run/y.sock\n" },
  { .name = "beyond", .lines = "[lmtp]\nlisten = 127.0.0.1:24, 192.0.2.1:24\n", .want = "[lmtp] listen = 192.0.2.1:24: others than this machine" },
  { .name = "beyond, IPv6", .lines = "[policy]\nlisten = [2001:db8::1]:24\n", .want = "say in [policy] allow which" },
  { .name = "every address", .lines = "[milter]\nlisten = 0.0.0.0:24\n", .want = "[milter] listen = 0.0.0.0:24" },
  { .name = "every address, IPv6", .lines = "[socketmap]\nlisten = [::]:24\n", .want = "[socketmap] listen = [::]:24" },
  { .name = "with a scope", .lines = "[readsocket]\nlisten = [fe80::1%eth0]:24\n", .want = "[readsocket] listen" },
  { .name = "mapped", .lines = "[smtp]\nlisten = [::ffff:192.0.2.1]:24\n", .want = "[smtp] listen" },
  { .name = "call-outs", .lines = "[lmtp]\ncallout_listen = 192.0.2.1:24\n", .want = "[lmtp] callout_listen = 192.0.2.1:24" },
  { .name = "call-outs have [lmtp] allow", .lines = "[lmtp]\ncallout_listen = 192.0.2.1:24\nallow = 192.0.2.2\n" },
  { .name = "allowed", .lines = "[milter]\nlisten = 0.0.0.0:24\nallow = 192.0.2.0/24, 2001:db8::1\n" },
  { .name = "another's allow", .lines = "[milter]\nlisten = 0.0.0.0:24\n[lmtp]\nallow = 192.0.2.0/24\n", .want = "[milter] listen" },
  { .name = "no network", .lines = "[policy]\nallow = 192.0.2.0/33\n", .want = "[policy] allow: \"192.0.2.0/33\"" },
  { .name = "a name", .lines = "[lmtp]\nallow = mx.example.com\n", .want = "[lmtp] allow: \"mx.example.com\"" },
};

static void
what_may_be_configured(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(configurations); i++) {
    OWN(config) config = config_with(configurations[i].lines);
    g_autoptr(GError) error = NULL;
    enum res res = admission_check(config, &error);
    const char *want = configurations[i].want;
    if (res != (want ? RES_BAD : RES_OK) || (want && strstr(error->message, want) == NULL))
      g_error("%s: %d, %s", configurations[i].name, res, error ? error->message : "");
    g_assert_true(want == NULL || g_str_has_prefix(error->message, config->file));
  }
}

/* ---- what is logged ---- */

static void
strangers_are_logged_seldom(void)
{
  struct strangers strangers = { 0 };
  g_assert_cmpint(strangers_note(&strangers, 1), ==, 1);
  for (int i = 0; i < 1000; i++)
    g_assert_cmpint(strangers_note(&strangers, 2 + i), ==, 0);
  g_assert_cmpint(strangers_note(&strangers, CLOCK_MINUTE), ==, 0);
  g_assert_cmpint(strangers_note(&strangers, CLOCK_MINUTE + 1), ==, 1002);
  g_assert_cmpint(strangers_note(&strangers, 2 * CLOCK_MINUTE), ==, 0);
  g_assert_cmpint(strangers_note(&strangers, 9 * CLOCK_MINUTE), ==, 2);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/admission/newcomers", who_connects);
  g_test_add_func("/admission/configurations", what_may_be_configured);
  g_test_add_func("/admission/strangers", strangers_are_logged_seldom);
  return g_test_run();
}
