/* `conf`: the effective configuration with the meaning of every key. */
#include "cli/commands.h"

static char *section_wanted, *key_wanted;

static const GOptionEntry options[] = {
  { "section", 's', 0, G_OPTION_ARG_STRING, &section_wanted, "only this section", "SECTION" },
  { "key", 'k', 0, G_OPTION_ARG_STRING, &key_wanted, "only this key", "KEY" },
  { NULL },
};

static bool
is_wanted(const struct config_key *key)
{
  return (!section_wanted || strcmp(section_wanted, key->section) == 0) && (!key_wanted || strcmp(key_wanted, key->key) == 0);
}

static void
print_key(const struct config *config, const struct config_key *key, const char **section)
{
  g_autofree char *value = config_value(config, key);
  if (*section == NULL || strcmp(*section, key->section) != 0)
    cli_print("%s[%s]\n", *section ? "\n" : "", key->section);
  *section = key->section;
  cli_print("# %s%s\n%s = %s\n", key->doc, key->restart ? " (a change needs a restart)" : "", key->key, value);
}

static void
add_key(const struct config *config, const struct config_key *key, json_t *all)
{
  g_autofree char *value = config_value(config, key);
  json_t *section = json_object_get(all, key->section);
  if (section == NULL) {
    section = json_object();
    json_object_set_new(all, key->section, section);
  }
  json_object_set_new(section, key->key, json_string(value));
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc, (void)argv;
  int found = 0;
  const char *section = NULL;
  json_t *all = cli->json ? json_object() : NULL;
  for (const struct config_key *key = config_table; key->section; key++) {
    if (!is_wanted(key))
      continue;
    found++;
    if (all)
      add_key(cli->config, key, all);
    else
      print_key(cli->config, key, &section);
  }
  if (all)
    cli_print_json(all);
  return found ? CLI_DONE : cli_usage("there is no such section or key; `listward conf` prints all there are");
}

const struct cli_command conf_command = {
  .name = "conf", .arguments = "[-s SECTION] [-k KEY]", .summary = "the effective configuration, with the meaning of every key",
  .options = options, .lists = true, .output = true, .max = 0, .run = run,
};
