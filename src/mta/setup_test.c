#include "mta/setup.h"
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* An installation of a configuration, without a database. */
struct site {
  char *file;
  struct config *config;
  struct installation *installation;
};

static void
site_open(struct site *site, const char *text)
{
  g_autoptr(GError) error = NULL;
  *site = (struct site){ .file = NULL };
  int fd = g_file_open_tmp("setup-XXXXXX", &site->file, NULL);
  g_assert_cmpint(fd, >=, 0);
  close(fd);
  g_assert_true(g_file_set_contents(site->file, text, -1, NULL));
  enum res res = config_load(site->file, &site->config, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  res = installation_read(site->config, NULL, &site->installation, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
}

static void
site_close(struct site *site)
{
  installation_free(site->installation);
  config_free(site->config);
  g_unlink(site->file);
  g_free(site->file);
}

/* --- addresses --- */

static void
test_services(void)
{
  const struct { const char *name, *config; enum config_service service; bool listens, has_tcp, has_unix; const char *tcp, *local, *preferred; } rows[] = {
    { .name = "LMTP as it comes", .config = "", .service = CONFIG_LMTP, .listens = true, .has_tcp = true, .has_unix = true, .tcp = "inet:127.0.0.1:8024",
      .local = "unix:/run/listward/lmtp.sock", .preferred = "unix:/run/listward/lmtp.sock" },
    { .name = "milter as it comes", .config = "", .service = CONFIG_MILTER, .listens = true, .has_tcp = true, .has_unix = true, .tcp = "inet:127.0.0.1:8028",
      .local = "unix:/run/listward/milter.sock", .preferred = "unix:/run/listward/milter.sock" },
    { .name = "off", .config = "[policy]\nlisten =\n", .service = CONFIG_POLICY, .tcp = "inet:127.0.0.1:8027", .local = "unix:/run/listward/policy.sock",
      .preferred = "unix:/run/listward/policy.sock" },
    { .name = "off as it comes", .config = "", .service = CONFIG_SMTP, .tcp = "inet:127.0.0.1:8029", .local = "unix:/run/listward/smtp.sock",
      .preferred = "unix:/run/listward/smtp.sock" },
    { .name = "TCP alone", .config = "[socketmap]\nlisten = [::1]:25, 127.0.0.1:26\n", .service = CONFIG_SOCKETMAP, .listens = true, .has_tcp = true, .tcp = "inet:[::1]:25",
      .local = "unix:/run/listward/socketmap.sock", .preferred = "inet:[::1]:25" },
    { .name = "a unix socket alone", .config = "[readsocket]\nlisten = unix:/run/r\n", .service = CONFIG_READSOCKET, .listens = true, .has_unix = true,
      .tcp = "inet:127.0.0.1:8026", .local = "unix:/run/r", .preferred = "unix:/run/r" },
    { .name = "all addresses", .config = "[milter]\nlisten = 0.0.0.0:1\n", .service = CONFIG_MILTER, .listens = true, .has_tcp = true, .tcp = "inet:127.0.0.1:1",
      .local = "unix:/run/listward/milter.sock", .preferred = "inet:127.0.0.1:1" },
    { .name = "call-outs", .config = "[lmtp]\ncallout_listen = 127.0.0.1:2\n", .service = CONFIG_CALLOUT, .listens = true, .has_tcp = true, .tcp = "inet:127.0.0.1:2",
      .local = "unix:/run/listward/callout.sock", .preferred = "inet:127.0.0.1:2" },
    { .name = "seen at another address", .config = "[mta]\nlmtp = lists.example:24\n", .service = CONFIG_LMTP, .listens = true, .has_tcp = true, .has_unix = true,
      .tcp = "inet:lists.example:24", .local = "unix:/run/listward/lmtp.sock", .preferred = "inet:lists.example:24" },
    { .name = "seen as another socket", .config = "[lmtp]\nlisten = 127.0.0.1:3\n[mta]\nlmtp = unix:public/l\n", .service = CONFIG_LMTP, .listens = true, .has_tcp = true,
      .has_unix = true, .tcp = "inet:127.0.0.1:3", .local = "unix:public/l", .preferred = "unix:public/l" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_test_message("row: %s", rows[i].name);
    struct site site;
    site_open(&site, rows[i].config);
    const struct installation_service *service = &site.installation->services[rows[i].service];
    g_autofree char *tcp = service_address_postfix(&service->tcp), *local = service_address_postfix(&service->local), *preferred = service_address_postfix(service->preferred);
    g_assert_true(service->listens == rows[i].listens && service->has_tcp == rows[i].has_tcp && service->has_unix == rows[i].has_unix);
    g_assert_cmpstr(tcp, ==, rows[i].tcp);
    g_assert_cmpstr(local, ==, rows[i].local);
    g_assert_cmpstr(preferred, ==, rows[i].preferred);
    site_close(&site);
  }
}

/* What nobody has said stands here and in the table of keys. */
static void
test_defaults(void)
{
  struct site site, without;
  site_open(&site, "");
  site_open(&without, "[lmtp]\nlisten =\n[milter]\nlisten =\n[policy]\nlisten =\n[socketmap]\nlisten =\n[readsocket]\nlisten =\n");
  for (enum config_service service = 0; service < CONFIG_SERVICES; service++) {
    const struct installation_service *listens = &site.installation->services[service], *off = &without.installation->services[service];
    g_autofree char *tcp = service_address_text(&listens->tcp), *off_tcp = service_address_text(&off->tcp);
    g_assert_cmpstr(tcp, ==, off_tcp);
    g_assert_cmpstr(listens->local.path, ==, off->local.path);
  }
  g_assert_cmpstr(site.installation->maps, ==, INSTALLATION_MAPS);
  site_close(&site);
  site_close(&without);
}

static void
test_remote(void)
{
  const struct { const char *host; bool want; } rows[] = {
    { "127.0.0.1", false }, { "127.0.1.1", false }, { "::1", false }, { "localhost", false }, { "10.0.0.1", true }, { "2001:db8::1", true }, { "lists.example", true },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_test_message("host: %s", rows[i].host);
    g_assert_true(service_address_is_remote(&(struct service_address){ .host = (char *)rows[i].host, .port = 1 }) == rows[i].want);
  }
  g_assert_false(service_address_is_remote(&(struct service_address){ .path = (char *)"/run/x" }));
}

/* --- texts --- */

static void
test_text(void)
{
  OWN(setup_text) text = setup_text_new();
  setup_part(text, "/etc/a.cf", "append");
  setup_line(text, "# %s", "why");
  setup_line(text, "a = %d", 1);
  setup_run(text, "a reload", "reads a.cf");
  setup_part(text, "/etc/b.cf", "create");
  setup_line(text, "b");
  setup_run(text, "b reload", "reads b.cf");
  g_autofree char *plain = setup_render_text(text);
  g_assert_cmpstr(plain, ==,
                  "==== /etc/a.cf: append\n# why\na = 1\n\n==== /etc/b.cf: create\nb\n\n"
                  "==== then run\n# reads a.cf\na reload\n# reads b.cf\nb reload\n");
  json_t *object = setup_render_json(text);
  g_autofree char *json = json_dumps(object, JSON_COMPACT);
  g_assert_cmpstr(json, ==,
                  "{\"parts\":[{\"file\":\"/etc/a.cf\",\"place\":\"append\",\"text\":\"# why\\na = 1\\n\"},{\"file\":\"/etc/b.cf\",\"place\":\"create\",\"text\":\"b\\n\"}],"
                  "\"run\":[{\"command\":\"a reload\",\"why\":\"reads a.cf\"},{\"command\":\"b reload\",\"why\":\"reads b.cf\"}]}");
  json_decref(object);
}

static void
test_nothing_is_missing(void)
{
  struct site site;
  site_open(&site, "[mta]\npostfix_service = lists\n");
  OWN(setup_text) text = setup_text_new();
  setup_service(text, site.installation, CONFIG_MILTER, SETUP_UNIX);
  setup_service(text, site.installation, CONFIG_LMTP, SETUP_ANY);
  setup_conf(text, site.installation, "mta", "postfix_service", "lists", "why");
  g_autofree char *plain = setup_render_text(text);
  g_assert_cmpstr(plain, ==, "");
  g_assert_cmpuint(setup_missing(text)->len, ==, 0);
  site_close(&site);
}

/* Sections once, keys once, in front; a restart before all commands. */
static void
test_what_is_missing(void)
{
  struct site site;
  site_open(&site, "[milter]\nlisten = 127.0.0.1:8028\n");
  OWN(setup_text) text = setup_text_new();
  setup_part(text, "/etc/a.cf", "append");
  const struct service_address *milter = setup_service(text, site.installation, CONFIG_MILTER, SETUP_UNIX);
  const struct service_address *smtp = setup_service(text, site.installation, CONFIG_SMTP, SETUP_TCP);
  setup_conf(text, site.installation, "mta", "postfix_service", "lists", "a client of its own");
  setup_conf(text, site.installation, "smtp", "next_hop", "127.0.0.1:10026", "back to Postfix");
  setup_service(text, site.installation, CONFIG_MILTER, SETUP_UNIX);
  setup_run(text, "reload", "reads");
  setup_line(text, "%s %d", milter->path, smtp->port);
  g_autofree char *plain = setup_render_text(text);
  const char *why = "# this set-up uses it; takes the place of the line that is there";
  g_autofree char *want = g_strdup_printf("==== %s: [milter]\n%s\nlisten = 127.0.0.1:8028, /run/listward/milter.sock\n\n"
                                          "==== %s: [smtp]\n%s\nlisten = 127.0.0.1:8029\n# back to Postfix\nnext_hop = 127.0.0.1:10026\n\n"
                                          "==== %s: [mta]\n# a client of its own\npostfix_service = lists\n\n"
                                          "==== /etc/a.cf: append\n/run/listward/milter.sock 8029\n\n"
                                          "==== then run\n# listens as listward.conf says now\nsystemctl restart listward\n# reads\nreload\n",
                                          site.file, why, site.file, why, site.file);
  g_assert_cmpstr(plain, ==, want);
  g_assert_cmpuint(setup_missing(text)->len, ==, 2);
  g_assert_nonnull(strstr(g_ptr_array_index(setup_missing(text), 0), "/run/listward/milter.sock"));
  site_close(&site);
}

/* Two sockets of one service are one line. */
static void
test_both_sockets(void)
{
  struct site site;
  site_open(&site, "[policy]\nlisten =\n");
  OWN(setup_text) text = setup_text_new();
  for (int i = 0; i < 2; i++) {
    setup_service(text, site.installation, CONFIG_POLICY, SETUP_TCP);
    setup_service(text, site.installation, CONFIG_POLICY, SETUP_UNIX);
  }
  g_autofree char *plain = setup_render_text(text);
  g_assert_nonnull(strstr(plain, "\nlisten = 127.0.0.1:8027, /run/listward/policy.sock\n"));
  g_assert_cmpuint(setup_missing(text)->len, ==, 2);
  site_close(&site);
}

static void
test_tables(void)
{
  g_assert_null(mta_find("qmail"));
  for (const struct mta *mta = mtas; mta->name; mta++) {
    g_test_message("mta: %s", mta->name);
    g_assert_true(mta_find(mta->name) == mta);
    g_assert_null(mta_setup_find(mta, "none"));
    for (const struct mta_setup *setup = mta->setups; setup->name; setup++)
      g_assert_true(mta_setup_find(mta, setup->name) == setup);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/setup/services", test_services);
  g_test_add_func("/setup/defaults", test_defaults);
  g_test_add_func("/setup/remote", test_remote);
  g_test_add_func("/setup/text", test_text);
  g_test_add_func("/setup/nothing-is-missing", test_nothing_is_missing);
  g_test_add_func("/setup/what-is-missing", test_what_is_missing);
  g_test_add_func("/setup/both-sockets", test_both_sockets);
  g_test_add_func("/setup/tables", test_tables);
  return g_test_run();
}
