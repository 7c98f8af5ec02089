/* `remove`: takes a list away. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/open_list.h"
#include "queue/hold.h"

#define SLICE_SIZE 200

static gboolean quiet;

static const GOptionEntry options[] = {
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &quiet, "say nothing", NULL },
  { NULL },
};

static enum res
discard_held(struct tx *tx, const struct list *list, int64_t now, GError **error)
{
  g_autoptr(GPtrArray) held = NULL;
  enum res res = hold_list(tx, list->id, &held, error);
  for (guint i = 0; res == RES_OK && i < held->len; i++)
    res = hold_decide(tx, list, ((struct posting *)g_ptr_array_index(held, i))->code, HOLD_DISCARD, now, error);
  return res;
}

static enum res
take_away(struct tx *tx, void *arg, GError **error)
{
  const struct list *list = arg;
  int64_t now = clock_now();
  enum res res = discard_held(tx, list, now, error);
  return res == RES_OK ? list_remove(tx, list->id, now, error) : res;
}

static enum res
sweep(struct tx *tx, void *arg, GError **error)
{
  const struct list *list = arg;
  return list_sweep(tx, list->id, SLICE_SIZE, clock_now(), error);
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc;
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  OWN(list) list = NULL;
  enum res res = cli_open_list(cli, argv[0], &store, &list, &error);
  if (res == RES_OK)
    res = store_write(store, take_away, list, &error);
  if (res == RES_OK)
    res = cli_changed(cli, &error);
  while (res == RES_OK)
    res = store_write(store, sweep, list, &error);
  if (res != RES_MORE)
    return cli_fail(error);
  if (!quiet)
    cli_print("%s: removed\n", argv[0]);
  return CLI_DONE;
}

const struct cli_command remove_command = {
  .name = "remove", .arguments = "LIST", .summary = "take a list away, with its members, settings and held messages", .options = options, .min = 1, .max = 1,
  .run = run,
};
