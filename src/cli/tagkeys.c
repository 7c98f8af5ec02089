/* `tagkeys`: the keys of the tags in envelope senders. Their secrets are shown to nobody. */
#include "base/clock.h"
#include "cli/commands.h"
#include "list/tag_key.h"

static gboolean rotate;
static const GOptionEntry options[] = {
  { "rotate", 0, 0, G_OPTION_ARG_NONE, &rotate, "a new key makes the tags from now on", NULL },
  { NULL },
};

static enum res
read_keys(struct tx *tx, void *arg, GError **error)
{
  return tag_key_list(tx, arg, error);
}

static enum res
rotate_keys(struct tx *tx, void *arg, GError **error)
{
  (void)arg;
  return tag_key_rotate(tx, clock_now(), error);
}

static const char *
use_of(guint i)
{
  return i == 0 ? "makes the tags" : "is believed";
}

static void
show(const struct cli *cli, const GArray *infos)
{
  json_t *all = cli->json ? json_array() : NULL;
  for (guint i = 0; i < infos->len; i++) {
    const struct tag_key_info *info = &g_array_index(infos, struct tag_key_info, i);
    g_autofree char *made = cli_time(info->created_at, cli->json);
    if (all)
      json_array_append_new(all, json_pack("{s:I, s:s, s:b}", "id", (json_int_t)info->id, "created_at", made, "makes_tags", i == 0));
    else
      cli_print("%" G_GINT64_FORMAT "  %s  %s\n", info->id, made, use_of(i));
  }
  if (all)
    cli_print_json(all);
  else if (infos->len == 0)
    cli_print("no keys yet: the first copy makes one\n");
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc, (void)argv;
  g_autoptr(GError) error = NULL;
  g_autoptr(GArray) infos = NULL;
  OWN(store) store = NULL;
  enum res res = cli_store(cli, &store, &error);
  if (res == RES_OK && rotate)
    res = store_write(store, rotate_keys, NULL, &error);
  if (res == RES_OK)
    res = store_read(store, read_keys, &infos, &error);
  if (res == RES_OK)
    show(cli, infos);
  return cli_result(res, error);
}

const struct cli_command tagkeys_command = {
  .name = "tagkeys",
  .arguments = "",
  .summary = "keys of the tags in envelope senders, and a new one",
  .help = "The newest key makes the tags; those made with the others are still believed. The newest 16 are kept: a bounce that comes back after its key is gone\n"
          "is read from its content alone. Rotate them when somebody may have read the database, and not more often than bounces take to come back.",
  .options = options,
  .lists = true,
  .max = 0,
  .run = run,
};
