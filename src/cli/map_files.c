#include "cli/map_files.h"
#include "base/command.h"
#include "mta/maps.h"
#include <errno.h>
#include <unistd.h>

struct listing {
  const char *folder;
  json_t *all; /* NULL: as text */
};

static void
print_map(void *ctx, const struct map_kind *kind, bool changed)
{
  const struct listing *listing = ctx;
  if (listing->all)
    json_array_append_new(listing->all, json_pack("{s:s, s:s, s:s, s:b}", "map", kind->name, "mta", kind->mta, "doc", kind->doc, "changed", changed));
  else
    cli_print("%s/%s: %s\n", listing->folder, kind->name, changed ? "written" : "unchanged");
}

static enum res
write_into(struct cli *cli, const struct maps_options *options, GError **error)
{
  struct listing listing = { .folder = options->folder, .all = cli->json ? json_array() : NULL };
  OWN(store) store = NULL;
  OWN(installation) installation = NULL;
  enum res res = maps_folder_prepare(cli->config, options->folder, error);
  if (res == RES_OK)
    res = cli_store(cli, &store, error);
  if (res == RES_OK)
    res = installation_read(cli->config, NULL, &installation, error);
  if (res == RES_OK)
    res = maps_write(installation, store, options, print_map, &listing, error);
  if (listing.all && res == RES_OK)
    cli_print_json(g_steal_pointer(&listing.all));
  json_decref(listing.all);
  return res;
}

static int
end(const struct cli *cli, const char *folder, enum res res, const GError *error)
{
  int status = cli_result(res, error);
  if (res != RES_OK && access(folder, W_OK) != 0 && errno == EACCES)
    cli_warn("this is done as user %s, as a server does it: %s must be theirs to write", cli->config->user, folder);
  return status;
}

int
map_files_write(struct cli *cli, const char *mta, const char *folder)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *absolute = g_canonicalize_filename(folder, NULL);
  enum res res = write_into(cli, &(struct maps_options){ .folder = absolute, .mta = mta }, &error);
  return end(cli, absolute, res, error);
}

/* As the helper of a server would: no shell, hardly an environment. */
static enum res
run_command(char **argv, GError **error)
{
  static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", lang[] = "LANG=C.UTF-8";
  char *environment[] = { path, lang, NULL };
  g_autoptr(GError) problem = NULL;
  int status;
  if (g_spawn_sync("/", argv, environment, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status, &problem) && g_spawn_check_wait_status(status, &problem))
    return RES_OK;
  return trouble(error, REPLY_TROUBLE, "[mta] command: %s", problem->message);
}

int
map_files_write_all(struct cli *cli)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *folder = config_path(cli->config, cli->config->mta_maps);
  g_auto(GStrv) argv = NULL;
  if (command_parse(cli->config->mta_command, &argv, &error) != RES_OK)
    return cli_usage("[mta] command: %s", error->message);
  enum res res = write_into(cli, &(struct maps_options){ .folder = folder, .owe_command = argv != NULL }, &error);
  if (res == RES_OK && argv) {
    res = run_command(argv, &error);
    if (res == RES_OK)
      maps_command_done(folder);
  }
  return end(cli, folder, res, error);
}

void
map_files_await(struct cli *cli)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) lines = NULL;
  if (cli->config->mta_maps[0] == '\0')
    return;
  enum res res = cli_ask(cli, "maps", &lines, &error);
  const char *first = lines && lines->len ? g_ptr_array_index(lines, 0) : "";
  if (res == RES_TEMP)
    cli_warn("the MTA may not know it yet: %s", error->message);
  else if (res == RES_OK && strcmp(first, "ok") != 0)
    cli_warn("the MTA may not know it yet: %s", g_str_has_prefix(first, "trouble ") ? first + strlen("trouble ") : first);
}
