/* `conf`: the effective configuration with the meaning of every key. */
#include "cli/commands.h"

static char *section_wanted, *key_wanted;

static const GOptionEntry options[] = {
  { "section", 's', 0, G_OPTION_ARG_STRING, &section_wanted, "only this section", "SECTION" },
  { "key", 'k', 0, G_OPTION_ARG_STRING, &key_wanted, "only this key", "KEY" },
  { NULL },
};

static bool
is_wanted(const char *section, const struct config_key *key)
{
  return (!section_wanted || strcmp(section_wanted, section) == 0) && (!key_wanted || strcmp(key_wanted, key->key) == 0);
}

/* What is printed: as text if `all` is NULL. */
struct listing {
  json_t *all;
  char *section; /* the one printed last */
  int found;
};

static void
print_key(struct listing *listing, const char *section, const struct config_key *key, const char *value)
{
  if (g_strcmp0(listing->section, section) != 0)
    cli_print("%s[%s]\n", listing->section ? "\n" : "", section);
  g_free(listing->section);
  listing->section = g_strdup(section);
  cli_print("# %s%s\n%s = %s\n", key->doc, key->restart ? " (a change needs a restart)" : "", key->key, value);
}

static void
add_key(json_t *all, const char *name, const struct config_key *key, const char *value)
{
  json_t *section = json_object_get(all, name);
  if (section == NULL) {
    section = json_object();
    json_object_set_new(all, name, section);
  }
  json_object_set_new(section, key->key, json_string(value));
}

static void
list_key(struct listing *listing, const char *section, const struct config_key *key, const char *value)
{
  listing->found++;
  if (listing->all)
    add_key(listing->all, section, key, value);
  else
    print_key(listing, section, key, value);
}

static void
list_outlet(const struct config_outlet *outlet, struct listing *listing)
{
  g_autofree char *section = g_strdup_printf("outlet %s", outlet->name);
  for (const struct config_key *key = config_table; key->section; key++)
    if (key->outlet && is_wanted(section, key)) {
      g_autofree char *value = config_outlet_value(outlet, key);
      list_key(listing, section, key, value);
    }
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc, (void)argv;
  struct listing listing = { .all = cli->json ? json_object() : NULL };
  for (const struct config_key *key = config_table; key->section; key++)
    if (is_wanted(key->section, key)) {
      g_autofree char *value = config_value(cli->config, key);
      list_key(&listing, key->section, key, value);
    }
  for (size_t i = 1; i < cli->config->n_outlets; i++)
    list_outlet(&cli->config->outlets[i], &listing);
  g_free(listing.section);
  if (listing.all)
    cli_print_json(listing.all);
  return listing.found ? CLI_DONE : cli_usage("there is no such section or key; `listward conf` prints all there are");
}

const struct cli_command conf_command = {
  .name = "conf", .arguments = "[-s SECTION] [-k KEY]", .summary = "the effective configuration, with the meaning of every key",
  .options = options, .lists = true, .output = true, .max = 0, .run = run,
};
