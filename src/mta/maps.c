/* One walk over all domains and their lists, as the database's indexes have them sorted, in one snapshot, feeds all maps at a time. What is found to differ gets its name afterwards,
 * when no reader waits for the disk any more. */
#include "mta/maps.h"
#include "base/log.h"
#include "envelope/domain.h"
#include "envelope/role.h"
#include "list/domain.h"
#include "list/list_locals.h"
#include "mta/map_file.h"
#include "mta/map_folder.h"
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_MODE 0755
#define FLUSH_SIZE 65536
#define KINDS_MAX 16
#define COMMAND_OWED ".command-owed"
#define LOCK ".lock"

static const char heading[] = "# Made by listward, which will make it again: changes are lost.\n";

struct map {
  const struct map_kind *kind;
  struct map_file file; /* if it is no folder */
  struct map_folder folder;
};

struct maps {
  const struct maps_options *options;
  struct map_target target;
  struct map maps[KINDS_MAX];
  size_t n;
  GArray *hosts;        /* struct map_host, sorted by name */
  const struct map_host *host; /* in hand */
  GString *name, *own;  /* of the address in hand */
  struct tx *tx;
};

const struct map_kind *
map_kind_nth(size_t n)
{
  const struct map_kind *const tables[] = { postfix_map_kinds, exim_map_kinds, sendmail_map_kinds };
  for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
    for (const struct map_kind *kind = tables[i]; kind->name; kind++)
      if (n-- == 0)
        return kind;
  return NULL;
}

/* --- hosts --- */

static void
host_clear(void *data)
{
  struct map_host *host = data;
  g_free((char *)host->name);
  g_free((char *)host->own);
}

static int
by_name(const void *a, const void *b)
{
  return strcmp(((const struct map_host *)a)->name, ((const struct map_host *)b)->name);
}

static void
add_host(GArray *hosts, const struct domain *domain, const char *name, bool alias)
{
  struct map_host host = { .name = g_strdup(name), .own = g_strdup(domain->name), .domain_id = domain->id, .alias = alias };
  g_array_append_val(hosts, host);
  char *unicode = domain_name_unicode(name);
  if (unicode == NULL)
    return;
  struct map_host other = { .name = unicode, .own = g_strdup(domain->name), .domain_id = domain->id, .alias = alias, .unicode = true };
  g_array_append_val(hosts, other);
}

static enum res
read_hosts(struct maps *maps, GError **error)
{
  g_autoptr(GPtrArray) domains = NULL;
  enum res res = domain_list(maps->tx, &domains, error);
  for (guint i = 0; res == RES_OK && i < domains->len; i++) {
    const struct domain *domain = g_ptr_array_index(domains, i);
    add_host(maps->hosts, domain, domain->name, false);
    if (*domain->alias)
      add_host(maps->hosts, domain, domain->alias, true);
  }
  g_array_sort(maps->hosts, by_name);
  return res;
}

static const struct map_host *
find_host(const struct maps *maps, const char *name)
{
  struct map_host wanted = { .name = name };
  guint i;
  return g_array_binary_search(maps->hosts, &wanted, by_name, &i) ? &g_array_index(maps->hosts, struct map_host, i) : NULL;
}

/* --- lines --- */

static enum res
flush_grown(struct maps *maps, GError **error)
{
  enum res res = RES_OK;
  for (size_t i = 0; i < maps->n && res == RES_OK; i++)
    if (!maps->maps[i].kind->folder && maps->maps[i].file.buffer->len >= FLUSH_SIZE)
      res = map_file_flush(&maps->maps[i].file, error);
  return res;
}

static struct map_address
address_at(struct maps *maps, const struct map_host *host, const char *local, const char *suffix)
{
  const char *const parts[] = { local, *suffix ? "-" : "", suffix, "@" };
  g_string_truncate(maps->name, 0);
  for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
    g_string_append(maps->name, parts[i]);
  g_string_append_len(g_string_truncate(maps->own, 0), maps->name->str, (gssize)maps->name->len);
  g_string_append(maps->name, host->name);
  g_string_append(maps->own, host->own);
  return (struct map_address){ .host = host, .name = { maps->name->str, maps->name->len }, .own = { maps->own->str, maps->own->len } };
}

static void
add_address(struct maps *maps, const struct map_host *host, const char *local, const char *suffix)
{
  struct map_address address = address_at(maps, host, local, suffix);
  for (size_t i = 0; i < maps->n; i++)
    if (maps->maps[i].kind->add_address)
      maps->maps[i].kind->add_address(maps->maps[i].file.buffer, &address, &maps->target);
}

static void
add_reserved(struct maps *maps, const struct map_host *host, const char *local)
{
  struct map_address address = address_at(maps, host, local, "");
  for (size_t i = 0; i < maps->n; i++)
    if (maps->maps[i].kind->add_reserved)
      maps->maps[i].kind->add_reserved(maps->maps[i].file.buffer, &address, &maps->target);
}

/* A file in each folder for what has the posting address local@host. */
static enum res
add_files(struct maps *maps, const struct map_host *host, const char *local, GError **error)
{
  enum res res = RES_OK;
  (void)address_at(maps, host, local, "");
  for (size_t i = 0; i < maps->n && res == RES_OK; i++)
    if (maps->maps[i].kind->folder)
      res = map_folder_want(&maps->maps[i].folder, maps->name->str, error);
  if (res == RES_MORE)
    log_warn("no file can have the name of this list", log_str("list", maps->name->str));
  return res == RES_MORE ? RES_OK : res;
}

/* The names of the domain itself; the doctor's stands with the lists', since no host has a use for it. */
static enum res
add_names_of(struct maps *maps, const struct map_host *host, GError **error)
{
  const char *name;
  for (size_t i = 0; i < maps->n; i++)
    if (maps->maps[i].kind->add_host)
      maps->maps[i].kind->add_host(maps->maps[i].file.buffer, host, &maps->target);
  for (size_t i = 0; (name = role_reserved_nth(i)); i++)
    if (strcmp(name, ROLE_DOCTOR_LOCAL) != 0)
      add_reserved(maps, host, name);
  add_address(maps, host, ROLE_DOCTOR_LOCAL, "");
  return add_files(maps, host, ROLE_DOCTOR_LOCAL, error);
}

/* --- lists --- */

/* RES_OK: the posting address is a role address of another list too, and stands in the maps as that. */
static enum res
find_as_role(struct maps *maps, const struct map_host *host, const char *local, GError **error)
{
  struct role_reading readings[ROLE_READINGS_MAX];
  size_t n = role_read(slice_of(local), readings);
  enum res res = RES_MORE;
  for (size_t i = 0; i < n && res == RES_MORE; i++)
    if (readings[i].suffix.n)
      res = list_locals_find(maps->tx, host->domain_id, readings[i].list, error);
  return res;
}

/* Of the host in hand. */
static enum res
add_list(void *ctx, const char *local, GError **error)
{
  struct maps *maps = ctx;
  const struct map_host *host = maps->host;
  const char *suffix;
  enum res res = find_as_role(maps, host, local, error);
  if (res == RES_MORE)
    add_address(maps, host, local, "");
  else if (res != RES_OK)
    return res;
  for (size_t i = 0; (suffix = role_suffix_nth(i)); i++)
    add_address(maps, host, local, suffix);
  res = add_files(maps, host, local, error);
  return res == RES_OK ? flush_grown(maps, error) : res;
}

/* For a file in a folder. */
static enum res
is_wanted(void *ctx, const char *name, GError **error)
{
  struct maps *maps = ctx;
  const char *at = strrchr(name, '@');
  struct slice local = { name, (size_t)(at - name) };
  const struct map_host *host = find_host(maps, at + 1);
  if (host == NULL)
    return RES_MORE;
  return slice_equal(local, slice_of(ROLE_DOCTOR_LOCAL)) ? RES_OK : list_locals_find(maps->tx, host->domain_id, local, error);
}

static enum res
end_map(struct maps *maps, struct map *map, GError **error)
{
  return map->kind->folder ? map_folder_end(&map->folder, is_wanted, maps, error) : map_file_end(&map->file, error);
}

/* A store_fn. */
static enum res
walk(struct tx *tx, void *arg, GError **error)
{
  struct maps *maps = arg;
  maps->tx = tx;
  enum res res = read_hosts(maps, error);
  for (guint i = 0; i < maps->hosts->len && res == RES_OK; i++) {
    const struct map_host *host = &g_array_index(maps->hosts, struct map_host, i);
    maps->host = host;
    res = add_names_of(maps, host, error);
    if (res == RES_OK)
      res = list_locals_each(tx, host->domain_id, add_list, maps, error);
  }
  for (size_t i = 0; i < maps->n && res == RES_OK; i++)
    res = end_map(maps, &maps->maps[i], error);
  return res;
}

/* --- files --- */

static enum res
begin_map(struct maps *maps, const struct map_kind *kind, GError **error)
{
  g_autofree char *path = g_build_filename(maps->options->folder, kind->name, NULL);
  struct map *map = &maps->maps[maps->n++];
  g_assert(maps->n <= KINDS_MAX);
  map->kind = kind;
  if (kind->folder)
    return map_folder_begin(&map->folder, path, maps->options->look_only, error);
  enum res res = map_file_begin(&map->file, path, maps->options->look_only, error);
  g_string_append(map->file.buffer, heading);
  return res;
}

static enum res
begin_all(struct maps *maps, GError **error)
{
  const struct map_kind *kind;
  enum res res = RES_OK;
  for (size_t i = 0; res == RES_OK && (kind = map_kind_nth(i)); i++)
    if (maps->options->mta == NULL || strcmp(maps->options->mta, kind->mta) == 0)
      res = begin_map(maps, kind, error);
  return res;
}

static bool
differs(const struct map *map)
{
  return map->kind->folder ? map->folder.differs : map->file.differs;
}

static bool
any_differs(const struct maps *maps)
{
  for (size_t i = 0; i < maps->n; i++)
    if (differs(&maps->maps[i]))
      return true;
  return false;
}

static enum res
publish_all(struct maps *maps, maps_told told, void *ctx, GError **error)
{
  enum res res = RES_OK;
  for (size_t i = 0; i < maps->n && res == RES_OK; i++) {
    if (!maps->maps[i].kind->folder)
      res = map_file_publish(&maps->maps[i].file, error);
    if (res == RES_OK && told)
      told(ctx, maps->maps[i].kind, differs(&maps->maps[i]));
  }
  return res;
}

static void
clear_all(struct maps *maps)
{
  for (size_t i = 0; i < maps->n; i++)
    if (maps->maps[i].kind->folder)
      map_folder_clear(&maps->maps[i].folder);
    else
      map_file_clear(&maps->maps[i].file);
  g_array_unref(maps->hosts);
  g_string_free(maps->name, TRUE);
  g_string_free(maps->own, TRUE);
}

/* --- what is owed --- */

static char *
owed_path(const char *folder)
{
  return g_build_filename(folder, COMMAND_OWED, NULL);
}

bool
maps_command_is_owed(const char *folder)
{
  g_autofree char *path = owed_path(folder);
  return access(path, F_OK) == 0;
}

/* Its name is on disk no later than those of the files: they are in the same folder. */
static enum res
owe_command(const char *folder, GError **error)
{
  g_autofree char *path = owed_path(folder);
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0)
    return file_trouble(path, "making it", error);
  close(fd);
  return RES_OK;
}

void
maps_command_done(const char *folder)
{
  g_autofree char *path = owed_path(folder);
  if (unlink(path) != 0 && errno != ENOENT)
    log_warn("the command for the maps will be run again", log_str("path", path), log_str("error", g_strerror(errno)));
}

/* --- all of it --- */

/* Open to all, whatever the umask is. */
static enum res
make_folder(const char *folder, GError **error)
{
  if (g_file_test(folder, G_FILE_TEST_IS_DIR))
    return RES_OK;
  g_autofree char *above = g_path_get_dirname(folder);
  if (g_mkdir_with_parents(above, FOLDER_MODE) != 0 || mkdir(folder, FOLDER_MODE) != 0)
    return file_trouble(folder, "making the folder", error);
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  enum res res = fd >= 0 && fchmod(fd, FOLDER_MODE) == 0 ? RES_OK : file_trouble(folder, "setting its permissions", error);
  if (fd >= 0)
    close(fd);
  return res;
}

static bool
is_below(const char *path, const char *folder)
{
  size_t n = strlen(folder);
  return g_str_has_prefix(path, folder) && (path[n] == '/' || g_str_has_suffix(folder, "/"));
}

enum res
maps_folder_prepare(const struct config *config, const char *folder, GError **error)
{
  if (is_below(folder, config->state_dir) || g_file_test(folder, G_FILE_TEST_IS_DIR))
    return RES_OK;
  enum res res = make_folder(folder, error);
  const struct passwd *entry = res == RES_OK && geteuid() == 0 && config->user[0] ? getpwnam(config->user) : NULL;
  if (entry && chown(folder, entry->pw_uid, entry->pw_gid) != 0)
    return file_trouble(folder, "giving it to the server's user", error);
  return res;
}

/* One writer at a time, and who looks waits for it. Nobody else can open the file: who may read the folder could hold a lock on that for ever. -1: errno; ENOENT: nobody has ever
 * written there. */
static int
lock_folder(const char *folder, bool look_only)
{
  g_autofree char *path = g_build_filename(folder, LOCK, NULL);
  int fd = open(path, (look_only ? O_RDONLY : O_RDWR | O_CREAT) | O_CLOEXEC | O_NOFOLLOW, 0600);
  while (fd >= 0 && flock(fd, LOCK_EX) != 0)
    if (errno != EINTR) {
      close(fd);
      return -1;
    }
  return fd;
}

static enum res
write_locked(struct maps *maps, struct store *store, maps_told told, void *ctx, GError **error)
{
  enum res res = begin_all(maps, error);
  if (res == RES_OK)
    res = store_read(store, walk, maps, error);
  if (res == RES_OK && maps->options->owe_command && !maps->options->look_only && any_differs(maps))
    res = owe_command(maps->options->folder, error);
  return res == RES_OK ? publish_all(maps, told, ctx, error) : res;
}

enum res
maps_write(const struct installation *installation, struct store *store, const struct maps_options *options, maps_told told, void *ctx, GError **error)
{
  const struct service_address *lmtp = installation->services[CONFIG_LMTP].preferred;
  g_autofree char *nexthop = service_address_postfix(lmtp);
  g_autofree char *postfix = g_strconcat(installation->config->mta_postfix_service, ":", nexthop, NULL);
  g_autofree char *sendmail = lmtp->path ? g_strdup("lists:localhost") : g_strdup_printf(strchr(lmtp->host, ':') ? "lists:[IPv6:%s]" : "lists:[%s]", lmtp->host);
  enum res res = options->look_only ? RES_OK : make_folder(options->folder, error);
  if (res != RES_OK)
    return res;
  int lock = lock_folder(options->folder, options->look_only);
  if (lock < 0 && !(options->look_only && errno == ENOENT))
    return file_trouble(options->folder, "making or opening " LOCK " in it", error);
  struct maps maps = {
    .options = options, .target = { postfix, sendmail }, .hosts = g_array_new(FALSE, FALSE, sizeof(struct map_host)), .name = g_string_new(NULL), .own = g_string_new(NULL),
  };
  g_array_set_clear_func(maps.hosts, host_clear);
  res = write_locked(&maps, store, told, ctx, error);
  clear_all(&maps);
  if (lock >= 0)
    close(lock);
  return res;
}
