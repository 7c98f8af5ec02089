/* `delmembers`: named ones, those in a file, or all, in slices; from one list, or named ones from all lists. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/member_lines.h"
#include "cli/member_option.h"
#include "cli/notice_option.h"
#include "cli/open_list.h"
#include <stdio.h>

#define SLICE_SIZE 200

static char *list_name, *file, *role_name;
static char **addresses;
static gboolean all, from_all;

static const GOptionEntry options[] = {
  { "list", 'l', 0, G_OPTION_ARG_STRING, &list_name, "from this list", "LIST" },
  { "fromall", 0, 0, G_OPTION_ARG_NONE, &from_all, "from all lists, those of -m or -f", NULL },
  { "member", 'm', 0, G_OPTION_ARG_STRING_ARRAY, &addresses, "this member; may be given several times", "ADDRESS" },
  { "file", 'f', 0, G_OPTION_ARG_FILENAME, &file, "those in FILE, one a line; - is standard input", "FILE" },
  { "all", 'a', 0, G_OPTION_ARG_NONE, &all, "all of them", NULL },
  ROLE_OPTION(role_name),
  NOTICE_OPTIONS("goodbye-msg", 'g', 'G', "a goodbye message"),
  NOTICE_OPTIONS("admin-notify", 'n', 'N', "notice to the owners"),
  { NULL },
};

struct leaver {
  char *address;
  bool removed; /* in the transaction at hand; each run of the write function sets it anew */
  bool found;   /* on any list so far */
};

struct removing {
  GArray *list_ids; /* int64_t */
  int64_t list_id;  /* the one at hand */
  enum member_role role;
  GPtrArray *leavers; /* struct leaver: the slice at hand */
  int64_t removed, strangers;
};

static void
leaver_free(gpointer data)
{
  struct leaver *leaver = data;
  g_free(leaver->address);
  g_free(leaver);
}

static void
add_leaver(struct removing *removing, const char *address)
{
  struct leaver *leaver = g_new0(struct leaver, 1);
  leaver->address = g_strdup(address);
  g_ptr_array_add(removing->leavers, leaver);
}

static enum res
remove_slice(struct tx *tx, void *arg, GError **error)
{
  struct removing *removing = arg;
  for (guint i = 0; i < removing->leavers->len; i++) {
    struct leaver *leaver = g_ptr_array_index(removing->leavers, i);
    enum res res = member_remove(tx, removing->list_id, removing->role, leaver->address, clock_now(), error);
    if (res != RES_OK && res != RES_MORE)
      return res;
    leaver->removed = res == RES_OK;
  }
  return RES_OK;
}

static void
name_strangers(struct removing *removing)
{
  for (guint i = 0; i < removing->leavers->len; i++) {
    const struct leaver *leaver = g_ptr_array_index(removing->leavers, i);
    if (leaver->found)
      continue;
    removing->strangers++;
    cli_warn("%s is not there", leaver->address);
  }
}

/* Takes the slice at hand off every list. */
static enum res
remove_leavers(struct store *store, struct removing *removing, GError **error)
{
  for (guint n = 0; n < removing->list_ids->len; n++) {
    removing->list_id = g_array_index(removing->list_ids, int64_t, n);
    enum res res = store_write(store, remove_slice, removing, error);
    if (res != RES_OK)
      return res;
    for (guint i = 0; i < removing->leavers->len; i++) {
      struct leaver *leaver = g_ptr_array_index(removing->leavers, i);
      removing->removed += leaver->removed;
      leaver->found |= leaver->removed;
    }
  }
  name_strangers(removing);
  g_ptr_array_set_size(removing->leavers, 0);
  return RES_OK;
}

/* The next slice of the roster; those in it are gone when it is read again. */
static enum res
read_slice(struct tx *tx, void *arg, GError **error)
{
  struct removing *removing = arg;
  g_autoptr(GPtrArray) members = NULL;
  enum res res = member_slice(tx, g_array_index(removing->list_ids, int64_t, 0), removing->role, 0, SLICE_SIZE, &members, error);
  for (guint i = 0; res == RES_OK && i < members->len; i++)
    add_leaver(removing, ((struct member *)g_ptr_array_index(members, i))->address);
  return res;
}

static enum res
remove_all(struct store *store, struct removing *removing, GError **error)
{
  for (;;) {
    enum res res = store_read(store, read_slice, removing, error);
    if (res != RES_OK || removing->leavers->len == 0)
      return res;
    res = remove_leavers(store, removing, error);
    if (res != RES_OK)
      return res;
  }
}

static enum res
remove_file(struct store *store, struct removing *removing, GError **error)
{
  OWN(member_lines) lines = NULL;
  enum res res = member_lines_open(file, &lines, error);
  while (res == RES_OK) {
    g_autoptr(GPtrArray) slice = member_lines_slice(lines, SLICE_SIZE);
    if (slice->len == 0)
      return member_lines_end(lines, error);
    for (guint i = 0; i < slice->len; i++)
      add_leaver(removing, ((struct member_line *)g_ptr_array_index(slice, i))->address);
    res = remove_leavers(store, removing, error);
  }
  return res;
}

static enum res
remove_named(struct store *store, struct removing *removing, GError **error)
{
  for (char **address = addresses; *address; address++)
    add_leaver(removing, *address);
  return remove_leavers(store, removing, error);
}

static enum res
add_list(struct tx *tx, struct removing *removing, const char *name, GError **error)
{
  OWN(list) list = NULL;
  enum res res = cli_load_list(tx, name, &list, error);
  if (res == RES_OK)
    g_array_append_val(removing->list_ids, list->id);
  return res;
}

/* The one list, or all there are. */
static enum res
find_lists(struct tx *tx, void *arg, GError **error)
{
  struct removing *removing = arg;
  if (!from_all)
    return add_list(tx, removing, list_name, error);
  g_autoptr(GPtrArray) names = NULL;
  enum res res = list_names(tx, NULL, &names, error);
  for (guint i = 0; res == RES_OK && i < names->len; i++)
    res = add_list(tx, removing, g_ptr_array_index(names, i), error);
  return res;
}

static int
remove_members(struct cli *cli, enum member_role role)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) leavers = g_ptr_array_new_with_free_func(leaver_free);
  g_autoptr(GArray) list_ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
  OWN(store) store = NULL;
  struct removing removing = { .list_ids = list_ids, .role = role, .leavers = leavers };
  enum res res = cli_store(cli, &store, &error);
  if (res == RES_OK)
    res = store_read(store, find_lists, &removing, &error);
  if (res != RES_OK)
    return cli_fail(error);
  res = all ? remove_all(store, &removing, &error) : file ? remove_file(store, &removing, &error) : remove_named(store, &removing, &error);
  if (res == RES_OK)
    res = cli_changed(cli, &error);
  cli_print("%" G_GINT64_FORMAT " removed\n", removing.removed);
  return res == RES_OK && removing.strangers ? CLI_FAILED : cli_result(res, error);
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc, (void)argv;
  if ((list_name != NULL) + (from_all != FALSE) != 1)
    return cli_usage("delmembers: give -l LIST or --fromall");
  if ((addresses != NULL) + (file != NULL) + (all != FALSE) != 1)
    return cli_usage("delmembers: give one of -m ADDRESS, -f FILE or -a");
  if (from_all && all)
    return cli_usage("delmembers: --fromall takes -m or -f, not -a");
  int role = role_option_value("delmembers", role_name);
  return role < 0 ? CLI_USAGE : remove_members(cli, (enum member_role)role);
}

const struct cli_command delmembers_command = {
  .name = "delmembers", .arguments = "(-l LIST | --fromall) (-m ADDRESS… | -f FILE | -a)", .summary = "take members off a list", .options = options, .max = 0, .run = run,
};
