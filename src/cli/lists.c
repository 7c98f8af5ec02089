/* `lists`: all lists, or those of a domain. */
#include "cli/commands.h"
#include "list/list.h"

static char **domains;
static gboolean names, descriptions, advertised, quiet;

static const GOptionEntry options[] = {
  { "domain", 0, 0, G_OPTION_ARG_STRING_ARRAY, &domains, "only those of this domain; may be given several times", "DOMAIN" },
  { "names", 'n', 0, G_OPTION_ARG_NONE, &names, "with their display names", NULL },
  { "descriptions", 'd', 0, G_OPTION_ARG_NONE, &descriptions, "with their descriptions", NULL },
  { "advertised", 'a', 0, G_OPTION_ARG_NONE, &advertised, "only advertised ones", NULL },
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &quiet, "no total at the end of a long listing", NULL },
  { NULL },
};

struct listing {
  json_t *all;   /* NULL: for people */
  GString *text; /* printed at the end: whoever reads it slowly does not keep the snapshot meanwhile */
  int64_t count;
};

static void
show(struct listing *listing, const struct list *list)
{
  listing->count++;
  if (listing->all) {
    json_array_append_new(listing->all, json_pack("{s:s, s:s, s:s, s:s}", "fqdn_listname", list->posting, "list_id", list->list_id, "display_name",
                                                  list->settings.display_name, "description", list->settings.description));
    return;
  }
  g_autofree char *name = cli_clean(list->settings.display_name), *text = cli_clean(list->settings.description);
  g_string_append_printf(listing->text, names ? "%s [%s]\n" : "%s\n", list->posting, name);
  if (descriptions && text[0])
    g_string_append_printf(listing->text, "    %s\n", text);
}

static enum res
read_domain(struct tx *tx, struct listing *listing, const char *domain, GError **error)
{
  g_autoptr(GPtrArray) all = NULL;
  enum res res = list_names(tx, domain, &all, error);
  for (guint i = 0; res == RES_OK && i < all->len; i++) {
    OWN(list) list = NULL;
    res = list_load(tx, g_ptr_array_index(all, i), &list, error);
    if (res == RES_OK && (!advertised || list->settings.advertised))
      show(listing, list);
  }
  return res;
}

static enum res
read_lists(struct tx *tx, void *arg, GError **error)
{
  enum res res = domains ? RES_OK : read_domain(tx, arg, NULL, error);
  for (char **domain = domains; res == RES_OK && domain && *domain; domain++)
    res = read_domain(tx, arg, *domain, error);
  return res;
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc, (void)argv;
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  g_autoptr(GString) text = g_string_new(NULL);
  struct listing listing = { .all = cli->json ? json_array() : NULL, .text = text };
  enum res res = cli_store(cli, &store, &error);
  if (res == RES_OK)
    res = store_read(store, read_lists, &listing, &error);
  cli_print("%s", text->str);
  if (res == RES_OK && listing.all)
    cli_print_json(g_steal_pointer(&listing.all));
  else if (res == RES_OK && !quiet && (names || descriptions))
    cli_print("%" G_GINT64_FORMAT " lists\n", listing.count);
  json_decref(listing.all);
  return cli_result(res, error);
}

const struct cli_command lists_command = {
  .name = "lists", .arguments = "", .summary = "the lists, one a line", .options = options, .lists = true, .max = 0, .run = run,
};
