/* `syncmembers`: makes the members those of a file: adds who is missing, takes off who is not in it. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/member_lines.h"
#include "cli/member_option.h"
#include "cli/notice_option.h"
#include "cli/open_list.h"
#include "envelope/address.h"
#include <stdio.h>

#define SLICE_SIZE 200

static char *delivery;
static gboolean no_change;
static int max_removals = -1;

static const GOptionEntry options[] = {
  DELIVERY_OPTION(delivery),
  NOTICE_OPTIONS("welcome-msg", 'w', 'W', "a welcome message to those who join"),
  NOTICE_OPTIONS("goodbye-msg", 'g', 'G', "a goodbye message to those who leave"),
  NOTICE_OPTIONS("admin-notify", 'a', 'A', "notice to the owners"),
  { "no-change", 'n', 0, G_OPTION_ARG_NONE, &no_change, "only say what would be done", NULL },
  { "max-removals", 0, 0, G_OPTION_ARG_INT, &max_removals, "change nothing if more than N members would be taken off", "N" },
  { NULL },
};

struct syncing {
  const struct list *list;
  const struct delivery_choice *delivery; /* of those who join */
  GHashTable *wanted; /* folded address -> struct member_line * */
  GPtrArray *leaving; /* char *: addresses as subscribed */
  GPtrArray *joining; /* struct member_line *, borrowed */
  int64_t after;
  GPtrArray *slice;
  guint from;       /* of `leaving` or `joining`: the slice at hand */
};

/* Reads the whole file. A bad line stops everything: with it unread, its member would be taken off. */
static enum res
read_file(const char *path, GHashTable *wanted, GError **error)
{
  OWN(member_lines) lines = NULL;
  enum res res = member_lines_open(path, &lines, error);
  while (res == RES_OK) {
    g_autoptr(GPtrArray) slice = member_lines_slice(lines, SLICE_SIZE);
    if (slice->len == 0)
      return RES_OK;
    for (guint i = 0; i < slice->len; i++) {
      struct member_line *line = g_ptr_array_index(slice, i);
      char *key = address_key_of(slice_of(line->address));
      if (key == NULL)
        return refuse(error, REPLY_BAD_ADDRESS, "line %" G_GINT64_FORMAT " is no address; nothing was changed", line->number);
      g_hash_table_replace(wanted, key, g_steal_pointer(&slice->pdata[i]));
    }
  }
  return res;
}

static enum res
read_slice(struct tx *tx, void *arg, GError **error)
{
  struct syncing *syncing = arg;
  return member_slice(tx, syncing->list->id, MEMBER_MEMBER, syncing->after, SLICE_SIZE, &syncing->slice, error);
}

/* Who is there and not wanted leaves; who is wanted and not there joins. */
static enum res
compare(struct store *store, struct syncing *syncing, GError **error)
{
  g_autoptr(GHashTable) there = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (;;) {
    enum res res = store_read(store, read_slice, syncing, error);
    if (res != RES_OK)
      return res;
    g_autoptr(GPtrArray) slice = g_steal_pointer(&syncing->slice);
    if (slice->len == 0)
      break;
    for (guint i = 0; i < slice->len; i++) {
      const struct member *member = g_ptr_array_index(slice, i);
      syncing->after = member->join_number;
      g_hash_table_add(there, g_strdup(member->key));
      if (!g_hash_table_contains(syncing->wanted, member->key))
        g_ptr_array_add(syncing->leaving, g_strdup(member->address));
    }
  }
  GHashTableIter iter;
  gpointer key, line;
  g_hash_table_iter_init(&iter, syncing->wanted);
  while (g_hash_table_iter_next(&iter, &key, &line))
    if (!g_hash_table_contains(there, key))
      g_ptr_array_add(syncing->joining, line);
  return RES_OK;
}

static enum res
remove_slice(struct tx *tx, void *arg, GError **error)
{
  struct syncing *syncing = arg;
  for (guint i = syncing->from; i < syncing->leaving->len && i < syncing->from + SLICE_SIZE; i++) {
    enum res res = member_remove(tx, syncing->list->id, MEMBER_MEMBER, g_ptr_array_index(syncing->leaving, i), clock_now(), error);
    if (res != RES_OK && res != RES_MORE)
      return res;
  }
  return RES_OK;
}

static enum res
add_slice(struct tx *tx, void *arg, GError **error)
{
  struct syncing *syncing = arg;
  for (guint i = syncing->from; i < syncing->joining->len && i < syncing->from + SLICE_SIZE; i++) {
    const struct member_line *line = g_ptr_array_index(syncing->joining, i);
    const struct member_new new = {
      .list_id = syncing->list->id, .role = MEMBER_MEMBER, .address = line->address, .name = line->name,
      .mode = syncing->delivery->mode, .status = syncing->delivery->status, .now = clock_now(),
    };
    bool added;
    g_autoptr(GError) problem = NULL;
    enum res res = member_add(tx, &new, &added, &problem);
    if (res == RES_BAD)
      return refuse(error, REPLY_BAD_ADDRESS, "line %" G_GINT64_FORMAT ": %s: %s", line->number, line->address, problem->message);
    if (res != RES_OK)
      return trouble(error, REPLY_TROUBLE, "%s", problem->message);
  }
  return RES_OK;
}

static enum res
in_slices(struct store *store, struct syncing *syncing, store_fn write, guint n, GError **error)
{
  enum res res = RES_OK;
  for (syncing->from = 0; res == RES_OK && syncing->from < n; syncing->from += SLICE_SIZE)
    res = store_write(store, write, syncing, error);
  return res;
}

static enum res
apply(struct store *store, struct syncing *syncing, GError **error)
{
  if (max_removals >= 0 && syncing->leaving->len > (guint)max_removals)
    return refuse(error, REPLY_SYNTAX, "%u members would be taken off, more than --max-removals %d; nothing was changed", syncing->leaving->len, max_removals);
  for (guint i = 0; i < syncing->joining->len; i++)
    cli_print("+ %s\n", ((struct member_line *)g_ptr_array_index(syncing->joining, i))->address);
  for (guint i = 0; i < syncing->leaving->len; i++)
    cli_print("- %s\n", (const char *)g_ptr_array_index(syncing->leaving, i));
  if (no_change)
    return RES_OK;
  enum res res = in_slices(store, syncing, add_slice, syncing->joining->len, error);
  return res == RES_OK ? in_slices(store, syncing, remove_slice, syncing->leaving->len, error) : res;
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc;
  const struct delivery_choice *choice = delivery_option_value("syncmembers", delivery);
  if (choice == NULL)
    return CLI_USAGE;
  g_autoptr(GError) error = NULL;
  g_autoptr(GHashTable) wanted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)member_line_free);
  g_autoptr(GPtrArray) leaving = g_ptr_array_new_with_free_func(g_free), joining = g_ptr_array_new();
  OWN(store) store = NULL;
  OWN(list) list = NULL;
  enum res res = cli_open_list(cli, argv[1], &store, &list, &error);
  struct syncing syncing = { .list = list, .delivery = choice, .wanted = wanted, .leaving = leaving, .joining = joining };
  if (res == RES_OK)
    res = read_file(argv[0], wanted, &error);
  if (res == RES_OK)
    res = compare(store, &syncing, &error);
  if (res == RES_OK)
    res = apply(store, &syncing, &error);
  if (res == RES_OK && !no_change)
    res = cli_changed(cli, &error);
  return cli_result(res, error);
}

const struct cli_command syncmembers_command = {
  .name = "syncmembers", .arguments = "FILE LIST", .summary = "make the members those of a file", .options = options, .min = 2, .max = 2, .run = run,
  .help = "FILE as for addmembers. Prints a line with + for everybody who joins and with - for everybody who leaves. No mail is sent.",
};
