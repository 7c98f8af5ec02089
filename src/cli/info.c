/* `info`: what this installation consists of. */
#include "cli/commands.h"
#include "pipeline/pipeline.h"
#include "verdict/verdict.h"

static gboolean verbose;

static const GOptionEntry options[] = {
  { "verbose", 'v', 0, G_OPTION_ARG_NONE, &verbose, "also the names of all styles, rules and handlers", NULL },
  { NULL },
};

static char *
names_of(const char *(*nth)(size_t n))
{
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  const char *name;
  for (size_t i = 0; (name = nth(i)); i++)
    g_ptr_array_add(names, (char *)name);
  g_ptr_array_add(names, NULL);
  return g_strjoinv(", ", (char **)names->pdata);
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc, (void)argv;
  g_autofree char *rules = names_of(verdict_rule_nth), *handlers = names_of(pipeline_handler_name), *styles = names_of(style_nth);
  const struct { const char *name, *value; bool hidden; } rows[] = {
    { "version", LISTWARD_VERSION },
    { "config", cli->config->file ? cli->config->file : "none, defaults alone" },
    { "state_dir", cli->config->state_dir },
    { "database", cli->config->database_url },
    { "hostname", cli->config->hostname },
    { "styles", styles, !verbose },
    { "rules", rules, !verbose },
    { "handlers", handlers, !verbose },
  };
  json_t *all = cli->json ? json_object() : NULL;
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    if (rows[i].hidden)
      continue;
    else if (all)
      json_object_set_new(all, rows[i].name, json_string(rows[i].value));
    else
      cli_print("%s: %s\n", rows[i].name, rows[i].value);
  if (all)
    cli_print_json(all);
  return CLI_DONE;
}

const struct cli_command info_command = {
  .name = "info", .arguments = "", .summary = "what this installation consists of", .options = options, .lists = true, .output = true, .max = 0, .run = run,
};
