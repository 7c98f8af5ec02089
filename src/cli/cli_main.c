#include "cli/cli.h"
#include <locale.h>
#include <stdio.h>

static const struct cli_command *
find_command(const char *name, const struct cli_command *serve)
{
  if (strcmp(name, serve->name) == 0)
    return serve;
  for (const struct cli_command *const *command = cli_commands; *command; command++)
    if (strcmp(name, (*command)->name) == 0)
      return *command;
  return NULL;
}

static void
append_summary(GString *text, const struct cli_command *command)
{
  g_string_append_printf(text, "  %-12s %s\n", command->name, command->summary);
}

/* What `listward --help` says below the options. Owned by the caller. */
static char *
commands_text(const struct cli_command *serve)
{
  g_autoptr(GString) text = g_string_new("Commands:\n");
  append_summary(text, serve);
  for (const struct cli_command *const *command = cli_commands; *command; command++)
    append_summary(text, *command);
  g_string_append(text, "\n`listward COMMAND --help` says more of each; listward(1) says all.\n"
                        "Exit status: 0 done, 1 refused or failed, 2 usage.");
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static int
run_command(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
  gboolean json = FALSE;
  const GOptionEntry json_option[] = { { "json", 0, 0, G_OPTION_ARG_NONE, &json, "print JSON", NULL }, { NULL } };
  g_autofree char *parameters = g_strdup_printf("%s - %s", command->arguments, command->summary);
  g_autoptr(GOptionContext) context = g_option_context_new(parameters);
  g_autofree char *program = g_strdup_printf("listward %s", command->name);
  g_autoptr(GError) error = NULL;
  g_set_prgname(program);
  if (command->help)
    g_option_context_set_description(context, command->help);
  if (command->options)
    g_option_context_add_main_entries(context, command->options, NULL);
  if (command->lists)
    g_option_context_add_main_entries(context, json_option, NULL);
  if (!g_option_context_parse(context, &argc, &argv, &error))
    return cli_usage("%s: %s", command->name, error->message);
  if (argc > 1 && strcmp(argv[1], "--") == 0)
    argc--, argv++;
  if (argc - 1 < command->min || (command->max >= 0 && argc - 1 > command->max))
    return cli_usage("usage: listward %s%s%s", command->name, command->arguments[0] ? " " : "", command->arguments);
  cli->json = json;
  return command->run(cli, argc - 1, argv + 1);
}

/* With the configuration, which every command needs. */
static int
configure_and_run(const struct cli_command *command, const char *file, bool no_backup, int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  OWN(config) config = NULL;
  if (config_load(file, &config, &error) != RES_OK)
    return cli_fail(error);
  struct cli cli = { .config = config, .no_backup = no_backup };
  return run_command(command, &cli, argc, argv);
}

int
cli_main(int argc, char **argv, const struct cli_command *serve)
{
  g_autofree char *file = NULL;
  gboolean no_backup = FALSE, version = FALSE;
  const GOptionEntry options[] = {
    { "config", 'C', 0, G_OPTION_ARG_FILENAME, &file, "read FILE instead of " CONFIG_FILE, "FILE" },
    { "no-backup", 0, 0, G_OPTION_ARG_NONE, &no_backup, "when the database must be migrated: make no copy first", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &version, "print the version", NULL },
    { NULL },
  };
  setlocale(LC_CTYPE, "");
  g_autofree char *commands = commands_text(serve);
  g_autoptr(GOptionContext) context = g_option_context_new("COMMAND [ARGUMENT…]");
  g_autoptr(GError) error = NULL;
  g_option_context_set_strict_posix(context, TRUE);
  g_option_context_set_description(context, commands);
  g_option_context_add_main_entries(context, options, NULL);
  if (!g_option_context_parse(context, &argc, &argv, &error))
    return cli_usage("%s", error->message);
  if (version) {
    printf("listward %s\n", LISTWARD_VERSION);
    return CLI_DONE;
  }
  if (argc < 2)
    return cli_usage("no command; `listward --help` lists them");
  const struct cli_command *command = find_command(argv[1], serve);
  if (command == NULL)
    return cli_usage("\"%s\" is no command; `listward --help` lists them", argv[1]);
  return configure_and_run(command, file, no_backup, argc - 1, argv + 1);
}
