/* `changeaddress`: a person moves; everything an address is on all lists goes to another one, in one transaction. */
#include "base/clock.h"
#include "cli/commands.h"
#include "list/address_change.h"
#include "queue/readdress.h"

static gboolean dry_run;

static const GOptionEntry options[] = {
  { "dry-run", 'n', 0, G_OPTION_ARG_NONE, &dry_run, "only say what would be done", NULL },
  { NULL },
};

struct moving {
  const char *from, *to;
  struct address_change *change; /* result */
};

static enum res
plan(struct tx *tx, void *arg, GError **error)
{
  struct moving *moving = arg;
  g_clear_pointer(&moving->change, address_change_free);
  enum res res = address_change_plan(tx, moving->from, moving->to, &moving->change, error);
  return res == RES_MORE ? refuse(error, REPLY_BAD_ADDRESS, "%s is on no list; nothing was changed", moving->from) : res;
}

static enum res
move(struct tx *tx, void *arg, GError **error)
{
  struct moving *moving = arg;
  enum res res = plan(tx, moving, error);
  return res == RES_OK ? address_change_apply(tx, moving->change, clock_now(), error) : res;
}

/* Afterwards and in slices: how many they are depends on the MTA's troubles, not on the member. A dry run counts them. */
static enum res
readdress(struct store *store, const struct address_change *change, int64_t *copies, GError **error)
{
  g_autoptr(GArray) members = g_array_new(FALSE, FALSE, sizeof(int64_t));
  for (guint i = 0; i < change->memberships->len; i++)
    if (change->steps[i] == CHANGE_MOVES)
      g_array_append_val(members, ((const struct membership *)g_ptr_array_index(change->memberships, i))->id);
  const int64_t *ids = (const int64_t *)(const void *)members->data;
  if (dry_run)
    return readdress_count(store, ids, members->len, copies, error);
  enum res res = readdress_waiting(store, ids, members->len, change->to, copies, error);
  if (res != RES_OK)
    g_prefix_error(error, "the lists have %s now, but copies that wait for %s may still go there: ", change->to, change->from);
  return res;
}

/* --- what is said --- */

static char *
step_text(const struct address_change *change, guint i)
{
  const struct membership *membership = g_ptr_array_index(change->memberships, i);
  const char *role = member_role_name(membership->role);
  switch (change->steps[i]) {
  case CHANGE_MOVES:
    return g_strdup_printf("%s: %s %s", membership->list, role, change->respelling ? "is written anew" : "moves");
  case CHANGE_IS_THERE:
    return g_strdup_printf("%s: %s ends, %s is %s there already", membership->list, role, change->to, role);
  case CHANGE_NO_MORE:
    return g_strdup_printf("%s: %s ends, %s is a member there", membership->list, role, change->to);
  }
  g_assert_not_reached();
}

static json_t *
json_of(const struct address_change *change, int64_t copies)
{
  json_t *lists = json_array();
  for (guint i = 0; i < change->memberships->len; i++) {
    const struct membership *membership = g_ptr_array_index(change->memberships, i);
    json_array_append_new(lists, json_pack("{s:s, s:s, s:b}", "list", membership->list, "role", member_role_name(membership->role), "moves",
                                           (int)(change->steps[i] == CHANGE_MOVES)));
  }
  return json_pack("{s:s, s:s, s:o, s:I}", "from", change->from, "to", change->to, "memberships", lists, "waiting_copies", (json_int_t)copies);
}

static void
show(const struct address_change *change, int64_t copies, bool json)
{
  if (json) {
    cli_print_json(json_of(change, copies));
    return;
  }
  for (guint i = 0; i < change->memberships->len; i++) {
    g_autofree char *text = step_text(change, i);
    cli_print("%s\n", text);
  }
  if (copies)
    cli_print("%" G_GINT64_FORMAT " waiting %s to %s\n", copies, copies == 1 ? "copy goes" : "copies go", change->to);
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc;
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  struct moving moving = { .from = argv[0], .to = argv[1] };
  enum res res = cli_store(cli, &store, &error);
  if (res == RES_OK)
    res = dry_run ? store_read(store, plan, &moving, &error) : store_write(store, move, &moving, &error);
  OWN(address_change) change = moving.change;
  int64_t copies = 0;
  if (res != RES_OK)
    return cli_fail(error);
  res = readdress(store, change, &copies, &error);
  show(change, copies, cli->json);
  if (res == RES_OK && !dry_run)
    res = cli_changed(cli, &error);
  return cli_result(res, error);
}

const struct cli_command changeaddress_command = {
  .name = "changeaddress", .arguments = "OLD NEW", .summary = "a person moves to another address, on all lists", .options = options, .lists = true, .min = 2, .max = 2,
  .run = run,
  .help = "Members, owners, moderators and non-members keep their preferences. Where NEW is the same already, its own record stays and OLD's ends.\n"
          "If NEW may not be one of them on some list, nothing is changed. Prints a line for each role on each list.",
};
