/* `remove`: takes a list away. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/map_files.h"
#include "cli/open_list.h"
#include "queue/hold.h"

#define SLICE_SIZE 200

static gboolean quiet;

static const GOptionEntry options[] = {
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &quiet, "say nothing", NULL },
  { NULL },
};

struct removal {
  const struct list *list;
  int discarded; /* result: of this slice */
};

static enum res
discard_held(struct tx *tx, void *arg, GError **error)
{
  struct removal *removal = arg;
  return hold_discard_all(tx, removal->list->id, clock_now(), SLICE_SIZE, &removal->discarded, error);
}

/* With what has been held since the last slice. */
static enum res
take_away(struct tx *tx, void *arg, GError **error)
{
  struct removal *removal = arg;
  enum res res = discard_held(tx, removal, error);
  return res == RES_OK ? list_remove(tx, removal->list->id, clock_now(), error) : res;
}

static enum res
sweep(struct tx *tx, void *arg, GError **error)
{
  const struct removal *removal = arg;
  return list_sweep(tx, removal->list->id, SLICE_SIZE, clock_now(), error);
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc;
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  OWN(list) list = NULL;
  enum res res = cli_open_list(cli, argv[0], &store, &list, &error);
  struct removal removal = { .list = list, .discarded = SLICE_SIZE };
  while (res == RES_OK && removal.discarded == SLICE_SIZE)
    res = store_write(store, discard_held, &removal, &error);
  if (res == RES_OK)
    res = store_write(store, take_away, &removal, &error);
  if (res == RES_OK)
    res = cli_changed(cli, &error);
  while (res == RES_OK)
    res = store_write(store, sweep, &removal, &error);
  if (res != RES_MORE)
    return cli_fail(error);
  map_files_await(cli);
  if (!quiet)
    cli_print("%s: removed\n", argv[0]);
  return CLI_DONE;
}

const struct cli_command remove_command = {
  .name = "remove", .arguments = "LIST", .summary = "take a list away, with its members, settings and held messages", .options = options, .min = 1, .max = 1,
  .run = run,
};
