#include "server/peer_match.h"
#include <string.h>

static void
test_match(void)
{
  static const struct { const char *name, *list, *address; bool want; } rows[] = {
    { .name = "unix socket", .list = "unix", .address = NULL, .want = true },
    { .name = "TCP is not unix", .list = "unix", .address = "127.0.0.1", .want = false },
    { .name = "unix is no address", .list = "127.0.0.1", .address = NULL, .want = false },
    { .name = "address", .list = "10.0.0.1 127.0.0.1", .address = "127.0.0.1", .want = true },
    { .name = "another address", .list = "10.0.0.1", .address = "10.0.0.2", .want = false },
    { .name = "network", .list = "10.0.0.0/8", .address = "10.9.8.7", .want = true },
    { .name = "outside the network", .list = "10.0.0.0/8", .address = "11.0.0.1", .want = false },
    { .name = "odd prefix inside", .list = "192.168.4.0/22", .address = "192.168.7.255", .want = true },
    { .name = "odd prefix outside", .list = "192.168.4.0/22", .address = "192.168.8.0", .want = false },
    { .name = "everything", .list = "0.0.0.0/0", .address = "203.0.113.9", .want = true },
    { .name = "IPv6 network", .list = "2001:db8::/32", .address = "2001:db8::25", .want = true },
    { .name = "IPv6 outside", .list = "2001:db8::/32", .address = "2001:db9::25", .want = false },
    { .name = "families differ", .list = "0.0.0.0/0", .address = "::1", .want = false },
    { .name = "nobody", .list = "", .address = "127.0.0.1", .want = false },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_auto(GStrv) list = g_strsplit(rows[i].list, " ", -1);
    if (peer_match((const char *const *)list, rows[i].address) != rows[i].want)
      g_error("%s", rows[i].name);
  }
}

static void
test_check(void)
{
  static const struct { const char *entry; enum res want; } rows[] = {
    { "unix", RES_OK }, { "127.0.0.1", RES_OK }, { "::1/128", RES_OK }, { "10.0.0.0/33", RES_BAD }, { "localhost", RES_BAD }, { "10.0.0.0/", RES_BAD },
    { "10.0.0.0/x", RES_BAD }, { "", RES_BAD },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    const char *list[] = { rows[i].entry, NULL };
    g_autoptr(GError) error = NULL;
    if (peer_match_check(list, &error) != rows[i].want)
      g_error("\"%s\"", rows[i].entry);
    if (error && !strstr(error->message, rows[i].entry))
      g_error("\"%s\" is not named: %s", rows[i].entry, error->message);
  }
}

static void
test_host(void)
{
  static const struct { const char *address, *host; bool unix_socket; } rows[] = {
    { "127.0.0.1:4711", "127.0.0.1", false }, { "[::1]:4711", "::1", false }, { "[2001:db8::1]:25", "2001:db8::1", false }, { "unix", NULL, true },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    const struct door_peer peer = { .address = rows[i].address, .unix_socket = rows[i].unix_socket };
    g_autofree char *host = peer_match_host(&peer);
    g_assert_cmpstr(host, ==, rows[i].host);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/peer_match/match", test_match);
  g_test_add_func("/peer_match/check", test_check);
  g_test_add_func("/peer_match/host", test_host);
  return g_test_run();
}
