/* `ban`, `unban`, `bans`: for a list, or for the whole site. */
#include "list/ban.h"
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/open_list.h"

struct banning {
  const char *ban, *list_name; /* list_name NULL: the site */
  bool add, changed;
  GPtrArray *bans;
};

static enum res
list_id_of(struct tx *tx, const char *name, int64_t *id, GError **error)
{
  OWN(list) list = NULL;
  *id = 0;
  enum res res = name ? cli_load_list(tx, name, &list, error) : RES_OK;
  if (list)
    *id = list->id;
  return res;
}

static enum res
change(struct tx *tx, void *arg, GError **error)
{
  struct banning *banning = arg;
  int64_t id;
  enum res res = list_id_of(tx, banning->list_name, &id, error);
  if (res != RES_OK)
    return res;
  if (banning->add)
    return ban_add(tx, id, banning->ban, clock_now(), &banning->changed, error);
  return ban_remove(tx, id, banning->ban, &banning->changed, error);
}

static int
run_change(struct cli *cli, struct banning *banning)
{
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  enum res res = cli_store(cli, &store, &error);
  if (res == RES_OK)
    res = store_write(store, change, banning, &error);
  if (res == RES_OK && !banning->changed)
    res = refuse(&error, REPLY_SYNTAX, banning->add ? "%s is banned already" : "%s is not banned there", banning->ban);
  if (res == RES_OK)
    res = cli_changed(cli, &error);
  return cli_result(res, error);
}

static int
run_ban(struct cli *cli, int argc, char **argv)
{
  struct banning banning = { .ban = argv[0], .list_name = argc > 1 ? argv[1] : NULL, .add = true };
  return run_change(cli, &banning);
}

static int
run_unban(struct cli *cli, int argc, char **argv)
{
  struct banning banning = { .ban = argv[0], .list_name = argc > 1 ? argv[1] : NULL };
  return run_change(cli, &banning);
}

static enum res
read_bans(struct tx *tx, void *arg, GError **error)
{
  struct banning *banning = arg;
  int64_t id;
  enum res res = list_id_of(tx, banning->list_name, &id, error);
  return res == RES_OK ? ban_list(tx, id, &banning->bans, error) : res;
}

static void
print_clean(const char *ban)
{
  g_autofree char *clean = cli_clean(ban);
  cli_print("%s\n", clean);
}

static int
run_bans(struct cli *cli, int argc, char **argv)
{
  struct banning banning = { .list_name = argc > 0 ? argv[0] : NULL };
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  enum res res = cli_store(cli, &store, &error);
  if (res == RES_OK)
    res = store_read(store, read_bans, &banning, &error);
  if (res != RES_OK)
    return cli_fail(error);
  g_autoptr(GPtrArray) bans = banning.bans;
  json_t *all = cli->json ? json_array() : NULL;
  for (guint i = 0; i < bans->len; i++) {
    const char *ban = g_ptr_array_index(bans, i);
    if (all)
      json_array_append_new(all, json_string(ban));
    else
      print_clean(ban);
  }
  if (all)
    cli_print_json(all);
  return CLI_DONE;
}

const struct cli_command ban_command = {
  .name = "ban", .arguments = "ADDRESS|^PATTERN [LIST]", .summary = "ban an address from a list, or from the whole site", .min = 1, .max = 2, .run = run_ban,
  .help = "A ban that begins with ^ is a regular expression, matched at the start of the address without regard to case.",
};
const struct cli_command unban_command = {
  .name = "unban", .arguments = "ADDRESS|^PATTERN [LIST]", .summary = "lift a ban", .min = 1, .max = 2, .run = run_unban,
};
const struct cli_command bans_command = {
  .name = "bans", .arguments = "[LIST]", .summary = "the bans of a list, or of the whole site", .lists = true, .max = 1, .run = run_bans,
};
