#include "cli/cli.h"
#include <errno.h>
#include <locale.h>
#include <stdio.h>

static char *config_file, *output_file;
static gboolean no_backup, version, json;

static const GOptionEntry global_options[] = {
  { "config", 'C', 0, G_OPTION_ARG_FILENAME, &config_file, "read FILE instead of " CONFIG_FILE, "FILE" },
  { "no-backup", 0, 0, G_OPTION_ARG_NONE, &no_backup, "when the database must be migrated: make no copy first", NULL },
  { "version", 0, 0, G_OPTION_ARG_NONE, &version, "print the version", NULL },
  { NULL },
};

/* Of the commands whose rows ask for them. */
static const GOptionEntry json_option[] = { { "json", 0, 0, G_OPTION_ARG_NONE, &json, "print JSON", NULL }, { NULL } };
static const GOptionEntry output_option[] = {
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &output_file, "write to FILE; - is standard output", "FILE" },
  { NULL },
};

/* NULL: there is none; it has been said on stderr. */
static const struct cli_command *
find_command(const char *name, const struct cli_command *serve)
{
  if (strcmp(name, serve->name) == 0)
    return serve;
  for (const struct cli_command *const *command = cli_commands; *command; command++)
    if (strcmp(name, (*command)->name) == 0)
      return *command;
  cli_usage("\"%s\" is no command; `listward --help` lists them", name);
  return NULL;
}

static void
append_summary(GString *text, const struct cli_command *command)
{
  g_string_append_printf(text, "  %-13s %s\n", command->name, command->summary);
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

/* Of what stands before the command. */
static GOptionContext *
global_context(const struct cli_command *serve)
{
  g_autofree char *commands = commands_text(serve);
  GOptionContext *context = g_option_context_new("COMMAND [ARGUMENT…]");
  g_set_prgname("listward");
  g_option_context_set_strict_posix(context, TRUE);
  g_option_context_set_description(context, commands);
  g_option_context_add_main_entries(context, global_options, NULL);
  return context;
}

/* Of what stands after it. */
static GOptionContext *
command_context(const struct cli_command *command)
{
  g_autofree char *program = g_strdup_printf("listward %s", command->name);
  g_autofree char *parameters = g_strdup_printf("%s%s- %s", command->arguments, command->arguments[0] ? " " : "", command->summary);
  GOptionContext *context = g_option_context_new(parameters);
  g_set_prgname(program);
  if (command->help)
    g_option_context_set_description(context, command->help);
  if (command->options)
    g_option_context_add_main_entries(context, command->options, NULL);
  if (command->output)
    g_option_context_add_main_entries(context, output_option, NULL);
  if (command->lists)
    g_option_context_add_main_entries(context, json_option, NULL);
  return context;
}

int
cli_help(const struct cli *cli, const char *name)
{
  const struct cli_command *command = name ? find_command(name, cli->serve) : NULL;
  if (name && command == NULL)
    return CLI_USAGE;
  g_autoptr(GOptionContext) context = command ? command_context(command) : global_context(cli->serve);
  g_autofree char *text = g_option_context_get_help(context, TRUE, NULL);
  cli_print("%s", text);
  return CLI_DONE;
}

static int
fail_at(const char *file)
{
  cli_warn("%s: %s", file, g_strerror(errno));
  return CLI_FAILED;
}

/* With stdout where the user wants it; what cannot be written there (a full disk) is a failure. */
static int
run_into_file(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
  bool is_file = output_file && strcmp(output_file, "-") != 0;
  const char *name = is_file ? output_file : "standard output";
  if (is_file && freopen(output_file, "we", stdout) == NULL)
    return fail_at(name);
  int status = command->run(cli, argc, argv);
  return fflush(stdout) == 0 && !ferror(stdout) ? status : fail_at(name);
}

static int
run_command(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
  g_autoptr(GOptionContext) context = command_context(command);
  g_autoptr(GError) error = NULL;
  OWN(config) config = NULL;
  if (!g_option_context_parse(context, &argc, &argv, &error))
    return cli_usage("%s: %s", command->name, error->message);
  if (argc > 1 && strcmp(argv[1], "--") == 0)
    argc--, argv++;
  if (argc - 1 < command->min || (command->max >= 0 && argc - 1 > command->max))
    return cli_usage("usage: listward %s%s%s", command->name, command->arguments[0] ? " " : "", command->arguments);
  if (!command->bare && config_load(config_file, &config, &error) != RES_OK)
    return cli_fail(error);
  cli->config = config;
  cli->json = json;
  return run_into_file(command, cli, argc - 1, argv + 1);
}

int
cli_main(int argc, char **argv, const struct cli_command *serve)
{
  setlocale(LC_CTYPE, "");
  g_autoptr(GOptionContext) context = global_context(serve);
  g_autoptr(GError) error = NULL;
  if (!g_option_context_parse(context, &argc, &argv, &error))
    return cli_usage("%s", error->message);
  if (version) {
    printf("listward %s\n", LISTWARD_VERSION);
    return CLI_DONE;
  }
  if (argc < 2)
    return cli_usage("no command; `listward --help` lists them");
  struct cli cli = { .serve = serve, .no_backup = no_backup };
  const struct cli_command *command = find_command(argv[1], serve);
  return command ? run_command(command, &cli, argc - 1, argv + 1) : CLI_USAGE;
}
