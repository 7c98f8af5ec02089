/* `domains`, `adddomain`, `deldomain`. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/map_files.h"
#include "list/domain.h"

static char *description, *alias;

static const GOptionEntry add_options[] = {
  { "description", 0, 0, G_OPTION_ARG_STRING, &description, "one line about it", "TEXT" },
  { "alias", 0, 0, G_OPTION_ARG_STRING, &alias, "another domain whose addresses mean this one's lists", "DOMAIN" },
  { NULL },
};

static enum res
read_domains(struct tx *tx, void *arg, GError **error)
{
  return domain_list(tx, arg, error);
}

static json_t *
as_json(const struct domain *domain)
{
  return json_pack("{s:s, s:s, s:s, s:I}", "domain", domain->name, "description", domain->description, "alias_domain", domain->alias, "lists",
                   (json_int_t)domain->lists);
}

static void
print_domains(GPtrArray *domains, bool json)
{
  json_t *all = json ? json_array() : NULL;
  for (guint i = 0; i < domains->len; i++) {
    const struct domain *domain = g_ptr_array_index(domains, i);
    if (all)
      json_array_append_new(all, as_json(domain));
    else
      cli_print("%s\n", domain->name);
  }
  if (all)
    cli_print_json(all);
}

static int
run_list(struct cli *cli, int argc, char **argv)
{
  (void)argc, (void)argv;
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) domains = NULL;
  OWN(store) store = NULL;
  enum res res = cli_store(cli, &store, &error);
  if (res == RES_OK)
    res = store_read(store, read_domains, &domains, &error);
  if (res == RES_OK)
    print_domains(domains, cli->json);
  return cli_result(res, error);
}

static enum res
add(struct tx *tx, void *arg, GError **error)
{
  int64_t id;
  return domain_create(tx, arg, description, alias, clock_now(), &id, error);
}

static enum res
take_away(struct tx *tx, void *arg, GError **error)
{
  return domain_remove(tx, arg, clock_now(), error);
}

static int
run_change(struct cli *cli, store_fn change, char *name)
{
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  enum res res = cli_store(cli, &store, &error);
  if (res == RES_OK)
    res = store_write(store, change, name, &error);
  if (res == RES_OK)
    res = cli_changed(cli, &error);
  if (res == RES_OK)
    map_files_await(cli);
  return cli_result(res, error);
}

static int
run_add(struct cli *cli, int argc, char **argv)
{
  (void)argc;
  return run_change(cli, add, argv[0]);
}

static int
run_delete(struct cli *cli, int argc, char **argv)
{
  (void)argc;
  return run_change(cli, take_away, argv[0]);
}

const struct cli_command domains_command = {
  .name = "domains", .arguments = "", .summary = "the domains, one a line", .lists = true, .max = 0, .run = run_list,
};
const struct cli_command adddomain_command = {
  .name = "adddomain", .arguments = "DOMAIN", .summary = "make a domain", .options = add_options, .min = 1, .max = 1, .run = run_add,
};
const struct cli_command deldomain_command = {
  .name = "deldomain", .arguments = "DOMAIN", .summary = "take away a domain without lists", .min = 1, .max = 1, .run = run_delete,
};
