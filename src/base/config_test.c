#include "base/clock.h"
#include "base/config.h"
#include "base/quantity.h"
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static char *
write_file(const char *text)
{
  char *path = NULL;
  int fd = g_file_open_tmp("listward-config-XXXXXX", &path, NULL);
  g_assert_cmpint(fd, >=, 0);
  close(fd);
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
  return path;
}

static void
test_errors(void)
{
  static const struct { const char *name, *text, *want; } rows[] = {
    { .name = "unknown section", .text = "[smtp]\nport = 25\n", .want = "[smtp]" },
    { .name = "unknown key", .text = "[lmtp]\nlistn = x\n", .want = "[lmtp] has no key listn" },
    { .name = "bad number", .text = "[outlet]\nport = 99999\n", .want = "[outlet] port = 99999: not understood; it takes a number from 1 to 65535" },
    { .name = "bad enum", .text = "[lmtp]\nunproven = bounce\n", .want = "one of hold, discard, refuse" },
    { .name = "bad time", .text = "[retention]\ndedupe = soon\n", .want = "a time such as 7d" },
    { .name = "bad size", .text = "[limits]\nmax_message_size = 1x\n", .want = "a size such as 25M" },
    { .name = "bad mode", .text = "[lmtp]\nsocket_mode = 999\n", .want = "octal permissions" },
    { .name = "bad choice of two", .text = "[outlet]\ntls_verify = perhaps\n", .want = "[outlet] tls_verify = perhaps: not understood; it takes yes or no" },
    { .name = "outlet's bad key", .text = "[outlet relay]\nhots = x\n", .want = "[outlet relay] has no key hots" },
    { .name = "outlet's bad value", .text = "[outlet relay]\nport = x\n", .want = "[outlet relay] port = x" },
    { .name = "outlet's bad name", .text = "[outlet Big Relay]\n", .want = "[outlet Big Relay]: an outlet's name is" },
    { .name = "no section", .text = "port = 25\n", .want = "a key stands before the first [section]" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = write_file(rows[i].text);
    g_autoptr(GError) error = NULL;
    struct config *config = NULL;
    if (config_load(path, &config, &error) != RES_BAD)
      g_error("%s: was taken", rows[i].name);
    if (!strstr(error->message, rows[i].want) || !strstr(error->message, path))
      g_error("%s: %s", rows[i].name, error->message);
    g_unlink(path);
  }
}

static void
test_values(void)
{
  g_autofree char *path = write_file("# a remark\n[server]\nuser =\nstate_dir = /srv/l\nhostname = h.example\n"
                                     "[lmtp]\nlisten = 127.0.0.1:1, /run/x.sock\nunproven = refuse\nsocket_mode = 0600\n"
                                     "[limits]\nmax_message_size = 2M\n[courier]\nretry_first = 90s\n");
  g_autoptr(GError) error = NULL;
  OWN(config) config = NULL;
  g_assert_cmpint(config_load(path, &config, &error), ==, RES_OK);
  g_assert_no_error(error);
  g_assert_cmpstr(config->user, ==, "");
  g_assert_cmpuint(g_strv_length(config->services[CONFIG_LMTP].listen), ==, 2);
  g_assert_cmpstr(config->services[CONFIG_LMTP].listen[1], ==, "/run/x.sock");
  g_assert_false(config->services[CONFIG_LMTP].is_default);
  g_assert_cmpint(config->lmtp_unproven, ==, CONFIG_UNPROVEN_REFUSE);
  g_assert_cmpint(config->lmtp_socket_mode, ==, 0600);
  g_assert_cmpint(config->max_message_size, ==, 2 << 20);
  g_assert_cmpint(config->courier_retry_first, ==, 90 * CLOCK_SECOND);
  g_assert_cmpint(config->retention_dedupe, ==, 7 * CLOCK_DAY);
  g_autofree char *relative = config_path(config, "x.db"), *absolute = config_path(config, "/x.db");
  g_assert_cmpstr(relative, ==, "/srv/l/x.db");
  g_assert_cmpstr(absolute, ==, "/x.db");
  g_unlink(path);
}

/* Each outlet has keys of its own; what it does not say is the table's default, not the default outlet's value. */
static void
test_outlets(void)
{
  g_autofree char *path = write_file("[outlet]\nhost = a.example, b.example:26\nport = 2525\n[outlet relay-2]\nhost = c.example\ntls = starttls\n");
  g_autoptr(GError) error = NULL;
  OWN(config) config = NULL;
  g_assert_cmpint(config_load(path, &config, &error), ==, RES_OK);
  g_assert_cmpuint(config->n_outlets, ==, 2);
  g_assert_cmpstr(config->outlets[0].name, ==, "");
  g_assert_cmpstr(config->outlets[0].hosts[1], ==, "b.example:26");
  g_assert_cmpint(config->outlets[0].port, ==, 2525);
  g_assert_cmpint(config->outlets[0].tls, ==, CONFIG_TLS_NO);
  const struct config_outlet *relay = config_outlet_find(config, "relay-2");
  g_assert_nonnull(relay);
  g_assert_cmpint(relay->port, ==, 25);
  g_assert_cmpint(relay->tls, ==, CONFIG_TLS_STARTTLS);
  g_assert_true(relay->tls_verify);
  g_assert_null(config_outlet_find(config, "relay"));
  g_unlink(path);
}

/* What is printed can be read back, for every key. */
static void
test_values_round_trip(void)
{
  g_autofree char *empty = write_file("");
  OWN(config) config = NULL;
  g_assert_cmpint(config_load(empty, &config, NULL), ==, RES_OK);
  g_autoptr(GString) text = g_string_new(NULL);
  for (const struct config_key *key = config_table; key->section; key++) {
    g_autofree char *value = config_value(config, key);
    g_string_append_printf(text, "[%s]\n%s = %s\n", key->section, key->key, value);
  }
  g_autofree char *path = write_file(text->str);
  OWN(config) again = NULL;
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(config_load(path, &again, &error), ==, RES_OK);
  for (const struct config_key *key = config_table; key->section; key++) {
    g_autofree char *before = config_value(config, key), *after = config_value(again, key);
    g_assert_cmpstr(before, ==, after);
  }
  g_unlink(path);
  g_unlink(empty);
}

static void
test_restart_keys(void)
{
  g_autofree char *one = write_file("[server]\nstate_dir = /a\n[lmtp]\nunproven = hold\n");
  g_autofree char *two = write_file("[server]\nstate_dir = /b\n[lmtp]\nunproven = refuse\n");
  OWN(config) before = NULL;
  OWN(config) after = NULL;
  g_assert_cmpint(config_load(one, &before, NULL), ==, RES_OK);
  g_assert_cmpint(config_load(two, &after, NULL), ==, RES_OK);
  g_autoptr(GPtrArray) keys = config_restart_keys(before, after);
  g_assert_cmpuint(keys->len, ==, 1);
  g_assert_cmpstr(g_ptr_array_index(keys, 0), ==, "[server] state_dir");
  config_keep_restart_keys(before, after);
  g_assert_cmpstr(after->state_dir, ==, "/a");
  g_assert_cmpint(after->lmtp_unproven, ==, CONFIG_UNPROVEN_REFUSE);
  g_unlink(one);
  g_unlink(two);
}

static void
test_quantities(void)
{
  static const struct { const char *text; bool ok; int64_t want; const char *again; } times[] = {
    { "0", true, 0, "0" }, { "90", true, 90 * CLOCK_SECOND, "90s" }, { "1d12h", true, 36 * CLOCK_HOUR, "36h" },
    { "2w", true, 14 * CLOCK_DAY, "14d" }, { "", false, 0, NULL }, { "d", false, 0, NULL }, { "7 d", false, 0, NULL }, { "-1d", false, 0, NULL },
    { "999999999999999d", false, 0, NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
    int64_t got = 0;
    if (quantity_time(times[i].text, &got) != times[i].ok)
      g_error("time \"%s\"", times[i].text);
    if (!times[i].ok)
      continue;
    g_autofree char *again = quantity_time_text(got);
    g_assert_cmpint(got, ==, times[i].want);
    g_assert_cmpstr(again, ==, times[i].again);
  }
  int64_t size;
  g_assert_true(quantity_size("25M", &size) && size == 25 << 20);
  g_assert_true(quantity_size("25m", &size) && size == 25 << 20);
  g_assert_false(quantity_size("99999999999999G", &size));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/config/errors", test_errors);
  g_test_add_func("/config/values", test_values);
  g_test_add_func("/config/outlets", test_outlets);
  g_test_add_func("/config/round-trip", test_values_round_trip);
  g_test_add_func("/config/restart-keys", test_restart_keys);
  g_test_add_func("/config/quantities", test_quantities);
  return g_test_run();
}
