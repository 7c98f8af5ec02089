/* `delmembers`: named ones, those in a file, or all, in slices. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/member_lines.h"
#include "cli/open_list.h"
#include <stdio.h>

#define SLICE_SIZE 200

static char *list_name, *file, *role_name;
static char **addresses;
static gboolean all;

static const GOptionEntry options[] = {
  { "list", 'l', 0, G_OPTION_ARG_STRING, &list_name, "from this list", "LIST" },
  { "member", 'm', 0, G_OPTION_ARG_STRING_ARRAY, &addresses, "this member; may be given several times", "ADDRESS" },
  { "file", 'f', 0, G_OPTION_ARG_FILENAME, &file, "those in FILE, one a line; - is standard input", "FILE" },
  { "all", 'a', 0, G_OPTION_ARG_NONE, &all, "all of them", NULL },
  { "role", 0, 0, G_OPTION_ARG_STRING, &role_name, "member (the default), owner, moderator or nonmember", "ROLE" },
  { NULL },
};

struct removing {
  const struct list *list;
  enum member_role role;
  GPtrArray *addresses; /* char *: the slice at hand */
  /* set anew by each run of the write function */
  int64_t removed;
  GPtrArray *strangers; /* char * */
};

static enum res
remove_slice(struct tx *tx, void *arg, GError **error)
{
  struct removing *removing = arg;
  removing->removed = 0;
  g_ptr_array_set_size(removing->strangers, 0);
  for (guint i = 0; i < removing->addresses->len; i++) {
    const char *address = g_ptr_array_index(removing->addresses, i);
    enum res res = member_remove(tx, removing->list->id, removing->role, address, clock_now(), error);
    if (res == RES_MORE)
      g_ptr_array_add(removing->strangers, g_strdup(address));
    else if (res == RES_OK)
      removing->removed++;
    else
      return res;
  }
  return RES_OK;
}

struct totals {
  int64_t removed, strangers;
};

static enum res
remove_addresses(struct store *store, struct removing *removing, struct totals *totals, GError **error)
{
  enum res res = store_write(store, remove_slice, removing, error);
  if (res != RES_OK)
    return res;
  totals->removed += removing->removed;
  totals->strangers += removing->strangers->len;
  for (guint i = 0; i < removing->strangers->len; i++)
    cli_warn("%s is not there", (const char *)g_ptr_array_index(removing->strangers, i));
  return RES_OK;
}

/* The next slice of the roster; those in it are gone when it is read again. */
static enum res
read_slice(struct tx *tx, void *arg, GError **error)
{
  struct removing *removing = arg;
  g_autoptr(GPtrArray) members = NULL;
  enum res res = member_slice(tx, removing->list->id, removing->role, 0, SLICE_SIZE, &members, error);
  g_ptr_array_set_size(removing->addresses, 0);
  for (guint i = 0; res == RES_OK && i < members->len; i++)
    g_ptr_array_add(removing->addresses, g_strdup(((struct member *)g_ptr_array_index(members, i))->address));
  return res;
}

static enum res
remove_all(struct store *store, struct removing *removing, struct totals *totals, GError **error)
{
  for (;;) {
    enum res res = store_read(store, read_slice, removing, error);
    if (res != RES_OK || removing->addresses->len == 0)
      return res;
    res = remove_addresses(store, removing, totals, error);
    if (res != RES_OK)
      return res;
  }
}

static enum res
remove_file(struct store *store, struct removing *removing, struct totals *totals, GError **error)
{
  OWN(member_lines) lines = NULL;
  enum res res = member_lines_open(file, &lines, error);
  while (res == RES_OK) {
    g_autoptr(GPtrArray) slice = member_lines_slice(lines, SLICE_SIZE);
    if (slice->len == 0)
      break;
    g_ptr_array_set_size(removing->addresses, 0);
    for (guint i = 0; i < slice->len; i++)
      g_ptr_array_add(removing->addresses, g_strdup(((struct member_line *)g_ptr_array_index(slice, i))->address));
    res = remove_addresses(store, removing, totals, error);
  }
  return res;
}

static enum res
remove_named(struct store *store, struct removing *removing, struct totals *totals, GError **error)
{
  for (char **address = addresses; *address; address++)
    g_ptr_array_add(removing->addresses, g_strdup(*address));
  return remove_addresses(store, removing, totals, error);
}

static int
remove_members(struct cli *cli, enum member_role role)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) slice = g_ptr_array_new_with_free_func(g_free), strangers = g_ptr_array_new_with_free_func(g_free);
  OWN(store) store = NULL;
  OWN(list) list = NULL;
  enum res res = cli_open_list(cli, list_name, &store, &list, &error);
  if (res != RES_OK)
    return cli_fail(error);
  struct removing removing = { .list = list, .role = role, .addresses = slice, .strangers = strangers };
  struct totals totals = { 0 };
  res = all ? remove_all(store, &removing, &totals, &error)
      : file ? remove_file(store, &removing, &totals, &error) : remove_named(store, &removing, &totals, &error);
  if (res == RES_OK)
    res = cli_changed(cli, &error);
  cli_print("%" G_GINT64_FORMAT " removed\n", totals.removed);
  return res == RES_OK && totals.strangers ? CLI_FAILED : cli_result(res, error);
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc, (void)argv;
  int role = member_role_parse(role_name ? role_name : "member");
  if (list_name == NULL)
    return cli_usage("delmembers: -l LIST is missing");
  if ((addresses != NULL) + (file != NULL) + (all != FALSE) != 1)
    return cli_usage("delmembers: give one of -m ADDRESS, -f FILE or -a");
  if (role < 0)
    return cli_usage("delmembers: \"%s\" is no role; it is member, owner, moderator or nonmember", role_name);
  return remove_members(cli, (enum member_role)role);
}

const struct cli_command delmembers_command = {
  .name = "delmembers", .arguments = "-l LIST (-m ADDRESS… | -f FILE | -a)", .summary = "take members off a list", .options = options, .max = 0, .run = run,
};
