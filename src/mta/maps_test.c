#include "mta/maps.h"
#include "list/domain.h"
#include "list/list.h"
#include "list/test_store.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW INT64_C(1700000000000000)
#define HEADING "# Made by listward, which will make it again: changes are lost.\n"

/* A database, and a folder for its maps. */
struct site {
  char *state_dir, *folder;
  struct store *store;
  struct config *config;
  struct installation *installation;
};

static void
site_configure(struct site *site, const char *text)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *file = g_build_filename(site->state_dir, "listward.conf", NULL);
  g_assert_true(g_file_set_contents(file, text, -1, NULL));
  installation_free(site->installation);
  config_free(site->config);
  site->config = NULL;
  site->installation = NULL;
  enum res res = config_load(file, &site->config, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  res = installation_read(site->config, site->store, &site->installation, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
}

static void
site_open(struct site *site)
{
  *site = (struct site){ .state_dir = scratch_new() };
  site->folder = g_build_filename(site->state_dir, "maps", NULL);
  site->store = scratch_store(site->state_dir, STORE_COMMAND);
  site_configure(site, "[mta]\nlmtp = 127.0.0.1:8024\n");
}

static void
empty_folder(const char *path)
{
  GDir *dir = g_dir_open(path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name(dir))) {
    g_autofree char *file = g_build_filename(path, name, NULL);
    if (g_file_test(file, G_FILE_TEST_IS_DIR) && !g_file_test(file, G_FILE_TEST_IS_SYMLINK))
      empty_folder(file);
    else
      g_assert_cmpint(g_unlink(file), ==, 0);
  }
  if (dir)
    g_dir_close(dir);
  g_assert_true(!dir || g_rmdir(path) == 0);
}

static void
site_close(struct site *site)
{
  empty_folder(site->folder);
  installation_free(site->installation);
  config_free(site->config);
  store_free(site->store);
  scratch_free(site->state_dir);
  g_free(site->folder);
}

/* --- the database --- */

static enum res
create(struct tx *tx, void *arg, GError **error)
{
  int64_t id;
  return list_create(tx, &(struct list_new){ .name = arg, .make_domain = true, .force = true, .now = NOW }, &id, error);
}

/* In one transaction. */
static enum res
create_many(struct tx *tx, void *arg, GError **error)
{
  enum res res = RES_OK;
  for (int i = 0; i < *(const int *)arg && res == RES_OK; i++) {
    g_autofree char *name = g_strdup_printf("a-list-with-a-rather-long-name-%04d@lists.example", i);
    res = create(tx, name, error);
  }
  return res;
}

static enum res
take_away(struct tx *tx, void *arg, GError **error)
{
  struct list *list;
  enum res res = list_load(tx, arg, &list, error);
  g_assert_cmpint(res, ==, RES_OK);
  int64_t id = list->id;
  list_unref(list);
  return list_remove(tx, id, NOW, error);
}

static enum res
create_domain(struct tx *tx, void *arg, GError **error)
{
  const char *const *names = arg;
  int64_t id;
  return domain_create(tx, names[0], NULL, names[1], NOW, &id, error);
}

static void
add_domain(struct site *site, const char *name, const char *alias)
{
  const char *names[] = { name, alias };
  must_write(site->store, create_domain, names);
}

static void
add_list(struct site *site, const char *name)
{
  must_write(site->store, create, (char *)name);
}

/* --- the maps --- */

static void
count_changed(void *ctx, const struct map_kind *kind, bool changed)
{
  int *n = ctx;
  (void)kind;
  *n += changed;
}

static int
write_maps(struct site *site, const struct maps_options *options)
{
  g_autoptr(GError) error = NULL;
  int changed = 0;
  enum res res = maps_write(site->installation, site->store, options, count_changed, &changed, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return changed;
}

static int
update(struct site *site)
{
  return write_maps(site, &(struct maps_options){ .folder = site->folder });
}

static char *
read_map(const struct site *site, const char *name)
{
  g_autofree char *path = g_build_filename(site->folder, name, NULL);
  char *text = NULL;
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  return text;
}

static bool
has_line(const char *text, const char *line)
{
  g_autofree char *wanted = g_strconcat("\n", line, "\n", NULL);
  return strstr(text, wanted) != NULL;
}

static bool
has_file(const struct site *site, const char *name)
{
  g_autofree char *path = g_build_filename(site->folder, "exim_lists", name, NULL);
  return g_file_test(path, G_FILE_TEST_IS_REGULAR);
}

static size_t
lines(const char *text)
{
  size_t n = 0;
  for (; *text; text++)
    n += *text == '\n';
  return n;
}

#define UE "\xc3\xbc"

/* A list with a plain name, one with a name beyond ASCII, one that has the name of a role address, a domain with an alias, one with a U-label. */
static void
fill(struct site *site)
{
  add_domain(site, "lists.example", "virt.example");
  add_list(site, "ant@lists.example");
  add_list(site, "ant-owner@lists.example");
  add_list(site, "k" UE "ken@lists.example");
  add_list(site, "a.b@m" UE "ller.example");
}

static void
test_lines(void)
{
  const struct { const char *name, *map, *line; bool missing; } rows[] = {
    { .name = "posting", .map = "postfix_lmtp", .line = "ant@lists.example\tlmtp:inet:127.0.0.1:8024" },
    { .name = "role", .map = "postfix_lmtp", .line = "ant-unsubscribe@lists.example\tlmtp:inet:127.0.0.1:8024" },
    { .name = "a list named like a role", .map = "postfix_lmtp", .line = "ant-owner@lists.example\tlmtp:inet:127.0.0.1:8024" },
    { .name = "its roles", .map = "postfix_lmtp", .line = "ant-owner-owner@lists.example\tlmtp:inet:127.0.0.1:8024" },
    { .name = "the alias", .map = "postfix_lmtp", .line = "ant-owner@virt.example\tlmtp:inet:127.0.0.1:8024" },
    { .name = "a local part beyond ASCII", .map = "postfix_lmtp", .line = "k" UE "ken-join@lists.example\tlmtp:inet:127.0.0.1:8024" },
    { .name = "A-labels", .map = "postfix_lmtp", .line = "a.b@xn--mller-kva.example\tlmtp:inet:127.0.0.1:8024" },
    { .name = "U-labels", .map = "postfix_lmtp", .line = "a.b-confirm@m" UE "ller.example\tlmtp:inet:127.0.0.1:8024" },
    { .name = "the doctor", .map = "postfix_lmtp", .line = "listward-doctor@lists.example\tlmtp:inet:127.0.0.1:8024" },
    { .name = "a host's own postmaster is not ours", .map = "postfix_lmtp", .line = "postmaster@lists.example\tlmtp:inet:127.0.0.1:8024", .missing = true },
    { .name = "postmaster", .map = "postfix_postmaster", .line = "postmaster@virt.example\tlmtp:inet:127.0.0.1:8024" },
    { .name = "noreply", .map = "postfix_postmaster", .line = "noreply@m" UE "ller.example\tlmtp:inet:127.0.0.1:8024" },
    { .name = "domain", .map = "postfix_domains", .line = "lists.example\tlists.example" },
    { .name = "alias", .map = "postfix_domains", .line = "virt.example\tvirt.example" },
    { .name = "U-label", .map = "postfix_domains", .line = "m" UE "ller.example\tm" UE "ller.example" },
    { .name = "own domain", .map = "postfix_own_domains", .line = "lists.example\tlists.example" },
    { .name = "own U-label", .map = "postfix_own_domains", .line = "m" UE "ller.example\tm" UE "ller.example" },
    { .name = "an alias is no own domain", .map = "postfix_own_domains", .line = "virt.example\tvirt.example", .missing = true },
    { .name = "virtual alias", .map = "postfix_vmap", .line = "ant-request@virt.example\tant-request@lists.example" },
    { .name = "virtual alias domain", .map = "postfix_vmap", .line = "virt.example\tvirt.example" },
    { .name = "virtual postmaster", .map = "postfix_vmap", .line = "abuse@virt.example\tabuse@lists.example" },
    { .name = "no virtual alias", .map = "postfix_vmap", .line = "ant@lists.example\tant@lists.example", .missing = true },
    { .name = "Exim", .map = "exim_aliases", .line = "ant-owner@virt.example: ant-owner" },
    { .name = "Exim, U-label", .map = "exim_aliases", .line = "a.b@m" UE "ller.example: a.b" },
    { .name = "Exim's postmaster", .map = "exim_postmaster", .line = "postmaster@lists.example: postmaster" },
    { .name = "Exim's domains", .map = "exim_domains", .line = "virt.example: lists.example" },
    { .name = "Sendmail", .map = "sendmail_access", .line = "To:ant-bounces@lists.example\tRELAY" },
    { .name = "Sendmail's postmaster", .map = "sendmail_access", .line = "To:postmaster@lists.example\tRELAY" },
    { .name = "Sendmail, nobody else", .map = "sendmail_access", .line = "To:virt.example\tERROR:5.1.1:550 no list here by that name" },
    { .name = "Sendmail, beyond ASCII", .map = "sendmail_access", .line = "To:k" UE "ken@lists.example\tRELAY", .missing = true },
    { .name = "Sendmail, A-labels", .map = "sendmail_access", .line = "To:a.b@xn--mller-kva.example\tRELAY" },
    { .name = "mailertable", .map = "sendmail_mailertable", .line = "lists.example\tlists:[127.0.0.1]" },
    { .name = "mailertable, U-label", .map = "sendmail_mailertable", .line = "m" UE "ller.example\tlists:[127.0.0.1]", .missing = true },
  };
  struct site site;
  site_open(&site);
  fill(&site);
  g_assert_cmpint(update(&site), >, 8);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_test_message("row: %s", rows[i].name);
    g_autofree char *text = read_map(&site, rows[i].map);
    g_assert_true(g_str_has_prefix(text, HEADING));
    g_assert_true(has_line(text, rows[i].line) != rows[i].missing);
  }
  site_close(&site);
}

/* Every line after the heading has a key of its own, so that no postmap or makemap warns. */
static void
test_keys_are_unique(void)
{
  struct site site;
  site_open(&site);
  fill(&site);
  add_list(&site, "ant-owner-owner@lists.example");
  add_list(&site, "bee-join@lists.example");
  update(&site);
  const struct map_kind *kind;
  for (size_t i = 0; (kind = map_kind_nth(i)); i++) {
    if (kind->folder)
      continue;
    g_test_message("map: %s", kind->name);
    g_autofree char *text = read_map(&site, kind->name);
    g_autoptr(GHashTable) keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(GStrv) all = g_strsplit(text + strlen(HEADING), "\n", -1);
    for (char **line = all; **line; line++)
      g_assert_true(g_hash_table_add(keys, g_strndup(*line, strcspn(*line, "\t "))));
    g_assert_cmpuint(g_hash_table_size(keys), ==, lines(text) - 1);
  }
  site_close(&site);
}

/* The whole of a small one: its order. */
static void
test_order(void)
{
  struct site site;
  site_open(&site);
  add_list(&site, "bee@b.example");
  add_list(&site, "cow@a.example");
  add_list(&site, "ant@b.example");
  update(&site);
  g_autofree char *text = read_map(&site, "exim_aliases");
  g_auto(GStrv) all = g_strsplit(text, "\n", -1);
  const char *const want[] = { "listward-doctor@a.example", "cow@a.example", "cow-admin@a.example" };
  for (size_t i = 0; i < G_N_ELEMENTS(want); i++)
    g_assert_true(g_str_has_prefix(all[1 + i], want[i]));
  g_assert_true(strstr(text, "\nant@b.example") < strstr(text, "\nbee@b.example"));
  g_assert_cmpuint(lines(text), ==, 1 + 2 + 3 * 10);
  site_close(&site);
}

/* --- addresses of the server --- */

static void
test_targets(void)
{
  const struct { const char *name, *config, *postfix, *sendmail; } rows[] = {
    { .name = "as it comes", .config = "", .postfix = "lmtp:unix:/run/listward/lmtp.sock", .sendmail = "lists:localhost" },
    { .name = "TCP", .config = "[lmtp]\nlisten = 127.0.0.1:24\n", .postfix = "lmtp:inet:127.0.0.1:24", .sendmail = "lists:[127.0.0.1]" },
    { .name = "the first unix socket", .config = "[lmtp]\nlisten = 127.0.0.1:24, /run/a.sock, /run/b.sock\n", .postfix = "lmtp:unix:/run/a.sock", .sendmail = "lists:localhost" },
    { .name = "all addresses", .config = "[lmtp]\nlisten = 0.0.0.0:24\n", .postfix = "lmtp:inet:127.0.0.1:24", .sendmail = "lists:[127.0.0.1]" },
    { .name = "IPv6", .config = "[lmtp]\nlisten = [::]:24\n", .postfix = "lmtp:inet:[::1]:24", .sendmail = "lists:[IPv6:::1]" },
    { .name = "seen otherwise", .config = "[mta]\nlmtp = 192.0.2.1:24\n", .postfix = "lmtp:inet:192.0.2.1:24", .sendmail = "lists:[192.0.2.1]" },
    { .name = "in the MTA's queue directory", .config = "[mta]\nlmtp = unix:listward/lmtp.sock\n", .postfix = "lmtp:unix:listward/lmtp.sock", .sendmail = "lists:localhost" },
    { .name = "a service of its own", .config = "[mta]\npostfix_service = lists\nlmtp = /run/l.sock\n", .postfix = "lists:unix:/run/l.sock", .sendmail = "lists:localhost" },
  };
  struct site site;
  site_open(&site);
  add_list(&site, "ant@lists.example");
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_test_message("row: %s", rows[i].name);
    site_configure(&site, rows[i].config);
    update(&site);
    g_autofree char *transport = g_strconcat("ant@lists.example\t", rows[i].postfix, NULL), *mailer = g_strconcat("lists.example\t", rows[i].sendmail, NULL);
    g_autofree char *lmtp = read_map(&site, "postfix_lmtp"), *table = read_map(&site, "sendmail_mailertable");
    g_assert_true(has_line(lmtp, transport));
    g_assert_true(has_line(table, mailer));
  }
  site_close(&site);
}

/* --- replacing --- */

static ino_t
inode(const struct site *site, const char *name, mode_t *mode)
{
  g_autofree char *path = g_build_filename(site->folder, name, NULL);
  struct stat status;
  g_assert_cmpint(lstat(path, &status), ==, 0);
  *mode = status.st_mode & 07777;
  return status.st_ino;
}

static void
test_only_what_changes(void)
{
  struct site site;
  mode_t mode;
  site_open(&site);
  add_domain(&site, "lists.example", NULL);
  mode_t before = umask(077); /* a server's */
  g_assert_cmpint(update(&site), ==, 11);
  umask(before);
  ino_t domains = inode(&site, "postfix_domains", &mode), lmtp = inode(&site, "postfix_lmtp", &mode);
  g_assert_cmpint(mode, ==, 0644);
  inode(&site, "exim_lists", &mode);
  g_assert_cmpint(mode, ==, 0755);

  g_assert_cmpint(update(&site), ==, 0);
  g_assert_true(inode(&site, "postfix_lmtp", &mode) == lmtp);
  add_list(&site, "ant@lists.example");
  g_assert_cmpint(write_maps(&site, &(struct maps_options){ .folder = site.folder, .look_only = true }), ==, 4);
  g_assert_true(inode(&site, "postfix_lmtp", &mode) == lmtp);
  g_assert_cmpint(update(&site), ==, 4); /* postfix_lmtp, exim_aliases, exim_lists, sendmail_access */
  g_assert_true(inode(&site, "postfix_lmtp", &mode) != lmtp);
  g_assert_true(inode(&site, "postfix_domains", &mode) == domains);
  g_assert_cmpint(write_maps(&site, &(struct maps_options){ .folder = site.folder, .look_only = true }), ==, 0);
  site_close(&site);
}

/* Whatever somebody did to a file, it is put right; and the same after any change of the database. */
static void
test_damage(void)
{
  static const char right[] = HEADING "lists.example\tlists.example\n";
  const struct { const char *name, *content; } rows[] = {
    { .name = "empty", .content = "" },
    { .name = "cut", .content = HEADING "lists.exam" },
    { .name = "longer", .content = HEADING "lists.example\tlists.example\nmore\n" },
    { .name = "an octet more", .content = HEADING "lists.example\tlists.example\n\n" },
    { .name = "another", .content = HEADING "lists.example\tlists.exampl3\n" },
    { .name = "the first octet", .content = "!" },
  };
  struct site site;
  site_open(&site);
  add_domain(&site, "lists.example", NULL);
  update(&site);
  g_autofree char *path = g_build_filename(site.folder, "postfix_domains", NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_test_message("row: %s", rows[i].name);
    g_assert_true(g_file_set_contents(path, rows[i].content, -1, NULL));
    g_assert_cmpint(update(&site), ==, 1);
    g_autofree char *text = read_map(&site, "postfix_domains");
    g_assert_cmpstr(text, ==, right);
  }
  site_close(&site);
}

/* Longer than all buffers: what is the same in front of a change is kept. */
static void
test_long_map(void)
{
  struct site site;
  site_open(&site);
  add_domain(&site, "lists.example", NULL);
  int n = 1000;
  must_write(site.store, create_many, &n);
  update(&site);
  g_autofree char *before = read_map(&site, "exim_aliases");
  g_assert_cmpuint(strlen(before), >, 4 * 65536);
  add_list(&site, "zebra@lists.example");
  add_list(&site, "a-list-with-a-rather-long-name-0700x@lists.example");
  update(&site);
  g_autofree char *both = read_map(&site, "exim_aliases");
  g_assert_cmpuint(lines(both), ==, lines(before) + 20);
  must_write(site.store, take_away, (char *)"zebra@lists.example");
  must_write(site.store, take_away, (char *)"a-list-with-a-rather-long-name-0700x@lists.example");
  update(&site);
  g_autofree char *after = read_map(&site, "exim_aliases");
  g_assert_cmpstr(after, ==, before);
  site_close(&site);
}

/* --- files per list --- */

static void
test_files(void)
{
  struct site site;
  site_open(&site);
  fill(&site);
  update(&site);
  static const char *const names[] = { "ant@lists.example", "ant@virt.example", "ant-owner@lists.example", "k" UE "ken@lists.example", "a.b@xn--mller-kva.example",
                                       "a.b@m" UE "ller.example", "listward-doctor@virt.example" };
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
    g_test_message("file: %s", names[i]);
    g_assert_true(has_file(&site, names[i]));
  }
  g_autofree char *foreign = g_build_filename(site.folder, "exim_lists", "me@lists.example", NULL);
  g_autofree char *note = g_build_filename(site.folder, "exim_lists", "README", NULL);
  g_autofree char *stale = g_build_filename(site.folder, "exim_lists", "x@nowhere.example", NULL);
  g_assert_true(g_file_set_contents(foreign, "mine", -1, NULL) && g_file_set_contents(note, "", -1, NULL) && g_file_set_contents(stale, "", -1, NULL));
  must_write(site.store, take_away, (char *)"ant@lists.example");
  g_assert_cmpint(update(&site), ==, 5); /* and postfix_lmtp, postfix_vmap, exim_aliases, sendmail_access */
  g_assert_false(has_file(&site, "ant@lists.example"));
  g_assert_false(has_file(&site, "ant@virt.example"));
  g_assert_false(has_file(&site, "x@nowhere.example"));
  g_assert_true(has_file(&site, "ant-owner@lists.example"));
  g_assert_true(has_file(&site, "me@lists.example"));
  g_assert_true(has_file(&site, "README"));
  g_autofree char *aliases = read_map(&site, "exim_aliases");
  g_assert_true(has_line(aliases, "ant-owner@lists.example: ant-owner"));
  g_assert_false(has_line(aliases, "ant-join@lists.example: ant-join"));
  site_close(&site);
}

/* --- one MTA's --- */

static void
test_one_mta(void)
{
  struct site site;
  site_open(&site);
  fill(&site);
  const struct maps_options options = { .folder = site.folder, .mta = "sendmail" };
  g_assert_cmpint(write_maps(&site, &options), ==, 2);
  g_autofree char *other = g_build_filename(site.folder, "postfix_lmtp", NULL);
  g_assert_false(g_file_test(other, G_FILE_TEST_EXISTS));
  site_close(&site);
}

/* --- the command --- */

static void
test_owed(void)
{
  struct site site;
  site_open(&site);
  add_domain(&site, "lists.example", NULL);
  const struct maps_options owe = { .folder = site.folder, .owe_command = true };
  update(&site);
  g_assert_false(maps_command_is_owed(site.folder));
  write_maps(&site, &owe);
  g_assert_false(maps_command_is_owed(site.folder)); /* nothing has changed */
  add_list(&site, "ant@lists.example");
  write_maps(&site, &owe);
  g_assert_true(maps_command_is_owed(site.folder));
  write_maps(&site, &owe);
  g_assert_true(maps_command_is_owed(site.folder));
  maps_command_done(site.folder);
  g_assert_false(maps_command_is_owed(site.folder));
  maps_command_done(site.folder);
  site_close(&site);
}

/* --- what goes wrong --- */

static void
test_trouble(void)
{
  const struct { const char *name, *file; bool folder; const char *link, *says; enum res want; } rows[] = {
    { .name = "a folder in a file's place", .file = "postfix_lmtp", .folder = true, .says = "postfix_lmtp", .want = RES_BAD },
    { .name = "a link in a file's place", .file = "exim_aliases", .link = "elsewhere", .says = "exim_aliases", .want = RES_BAD },
    { .name = "a file in a folder's place", .file = "exim_lists", .says = "exim_lists", .want = RES_TEMP },
    { .name = "a link in a folder's place", .file = "exim_lists", .link = "/", .says = "exim_lists", .want = RES_TEMP },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_test_message("row: %s", rows[i].name);
    struct site site;
    site_open(&site);
    fill(&site);
    g_assert_cmpint(g_mkdir(site.folder, 0755), ==, 0);
    g_autofree char *path = g_build_filename(site.folder, rows[i].file, NULL);
    int rc = rows[i].folder ? g_mkdir(path, 0755) : rows[i].link ? symlink(rows[i].link, path) : g_file_set_contents(path, "", -1, NULL) ? 0 : -1;
    g_assert_cmpint(rc, ==, 0);
    g_autoptr(GError) error = NULL;
    enum res res = maps_write(site.installation, site.store, &(struct maps_options){ .folder = site.folder }, NULL, NULL, &error);
    g_assert_cmpint(res, ==, rows[i].want);
    g_assert_nonnull(strstr(error->message, rows[i].says));
    site_close(&site);
  }
}

static void
test_no_folder(void)
{
  struct site site;
  site_open(&site);
  g_autoptr(GError) error = NULL;
  g_assert_true(g_file_set_contents(site.folder, "", -1, NULL));
  g_assert_cmpint(maps_write(site.installation, site.store, &(struct maps_options){ .folder = site.folder }, NULL, NULL, &error), ==, RES_TEMP);
  g_assert_nonnull(strstr(error->message, site.folder));
  g_assert_cmpint(g_unlink(site.folder), ==, 0);
  site_close(&site);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/maps/lines", test_lines);
  g_test_add_func("/maps/keys-are-unique", test_keys_are_unique);
  g_test_add_func("/maps/order", test_order);
  g_test_add_func("/maps/targets", test_targets);
  g_test_add_func("/maps/only-what-changes", test_only_what_changes);
  g_test_add_func("/maps/damage", test_damage);
  g_test_add_func("/maps/long-map", test_long_map);
  g_test_add_func("/maps/files", test_files);
  g_test_add_func("/maps/one-mta", test_one_mta);
  g_test_add_func("/maps/owed", test_owed);
  g_test_add_func("/maps/trouble", test_trouble);
  g_test_add_func("/maps/no-folder", test_no_folder);
  return g_test_run();
}
