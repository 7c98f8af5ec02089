/* `aliases`: the map files, made anew. */
#include "cli/commands.h"
#include "cli/map_files.h"

static char *directory;

static const GOptionEntry options[] = {
  { "directory", 'd', 0, G_OPTION_ARG_FILENAME, &directory, "write them there instead, and run no command", "DIR" },
  { NULL },
};

/* RES_MORE: there is no server. */
static enum res
ask_server(struct cli *cli, GError **error)
{
  g_autoptr(GPtrArray) lines = NULL;
  enum res res = cli_ask(cli, "aliases", &lines, error);
  if (res != RES_OK)
    return res;
  const char *first = lines->len ? g_ptr_array_index(lines, 0) : "";
  return strcmp(first, "ok") == 0 ? RES_OK : trouble(error, REPLY_TROUBLE, "%s", g_str_has_prefix(first, "trouble ") ? first + strlen("trouble ") : first);
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc, (void)argv;
  if (directory)
    return map_files_write(cli, NULL, directory);
  if (cli->config->mta_maps[0] == '\0')
    return cli_usage("aliases: [mta] maps names no folder; say --directory DIR");
  g_autoptr(GError) error = NULL;
  enum res res = ask_server(cli, &error);
  return res == RES_MORE ? map_files_write_all(cli) : cli_result(res, error);
}

const struct cli_command aliases_command = {
  .name = "aliases", .arguments = "", .summary = "write the mail server's map files anew, and run [mta] command", .options = options, .lists = true, .max = 0, .run = run,
  .help = "Without --directory a running server does it. It does so by itself when lists or domains have changed, so this is for when files or the command had trouble.",
};
