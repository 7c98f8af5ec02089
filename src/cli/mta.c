/* `mta`: what to put into the configuration of Postfix, Exim or Sendmail. */
#include "cli/commands.h"
#include "cli/map_files.h"
#include "mta/setup.h"

static char *setup_name, *folder;
static gboolean list;

static const GOptionEntry options[] = {
  { "setup", 0, 0, G_OPTION_ARG_STRING, &setup_name, "another set-up than the recommended one", "NAME" },
  { "list", 0, 0, G_OPTION_ARG_NONE, &list, "the set-ups there are: what for, what each sees of a message, when it can refuse, what the author sees then", NULL },
  { "write", 0, 0, G_OPTION_ARG_FILENAME, &folder, "write this mail server's map files into DIR instead of printing", "DIR" },
  { NULL },
};

/* --- the table of ways --- */

static void
print_ways(const struct mta *mta)
{
  for (const struct mta_setup *setup = mta->setups; setup->name; setup++)
    cli_print("%s: %s\n  sees     %s\n  refuses  %s\n  author   %s\n", setup->name, setup->doc, setup->sees, setup->refuses, setup->author);
}

static void
print_ways_json(const struct mta *mta)
{
  json_t *all = json_array();
  for (const struct mta_setup *setup = mta->setups; setup->name; setup++)
    json_array_append_new(all, json_pack("{s:s, s:b, s:s, s:s, s:s, s:s}", "setup", setup->name, "recommended", setup == mta->setups, "doc", setup->doc, "sees", setup->sees,
                                         "refuses", setup->refuses, "author", setup->author));
  cli_print_json(all);
}

/* --- one of them --- */

static void
print_setup(const struct cli *cli, const struct mta *mta, const struct mta_setup *setup, const struct installation *installation)
{
  OWN(setup_text) text = setup_text_new();
  setup->make(installation, text);
  if (installation->domains->len == 0)
    cli_warn("there is no domain yet (`listward adddomain`): an example stands for it");
  for (guint i = 0; i < setup_missing(text)->len; i++)
    cli_warn("%s", (const char *)g_ptr_array_index(setup_missing(text), i));
  if (cli->json) {
    json_t *object = setup_render_json(text);
    json_object_set_new(object, "mta", json_string(mta->name));
    json_object_set_new(object, "setup", json_string(setup->name));
    cli_print_json(object);
    return;
  }
  g_autofree char *plain = setup_render_text(text);
  cli_print("%s", plain);
}

static int
run_setup(struct cli *cli, const struct mta *mta)
{
  const struct mta_setup *setup = setup_name ? mta_setup_find(mta, setup_name) : mta->setups;
  if (setup == NULL || setup->name == NULL)
    return cli_usage("mta: %s has no set-up \"%s\"; `listward mta %s --list` prints all there are", mta->title, setup_name ? setup_name : "", mta->name);
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  OWN(installation) installation = NULL;
  enum res res = cli_store(cli, &store, &error);
  if (res == RES_OK)
    res = installation_read(cli->config, store, &installation, &error);
  if (res == RES_OK)
    print_setup(cli, mta, setup, installation);
  return cli_result(res, error);
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc;
  const struct mta *mta = mta_find(argv[0]);
  if (mta == NULL)
    return cli_usage("mta: \"%s\" is none of postfix, exim and sendmail", argv[0]);
  if (folder)
    return map_files_write(cli, mta->name, folder);
  if (!list)
    return run_setup(cli, mta);
  (cli->json ? print_ways_json : print_ways)(mta);
  return CLI_DONE;
}

const struct cli_command mta_command = {
  .name = "mta", .arguments = "postfix|exim|sendmail", .summary = "what to put into the mail server's configuration, line by line", .options = options, .lists = true, .output = true,
  .min = 1, .max = 1, .run = run,
  .help = "Prints the recommended set-up, or the one of --setup, with this installation's addresses and domains filled in. It changes nothing and needs no running server.",
};
