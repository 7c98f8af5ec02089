/* `members`: who is on a list, one a line, read in slices. */
#include "cli/commands.h"
#include "cli/open_list.h"
#include "list/member.h"

#define SLICE_SIZE 500

static char *role_name, *digest_mode;
static gboolean regular, no_delivery;

static const GOptionEntry options[] = {
  { "role", 'R', 0, G_OPTION_ARG_STRING, &role_name, "member (the default), owner, moderator, nonmember or administrator (owners and moderators)", "ROLE" },
  { "regular", 'r', 0, G_OPTION_ARG_NONE, &regular, "only members who get each posting", NULL },
  { "digest", 'd', 0, G_OPTION_ARG_STRING, &digest_mode, "only members who get digests: any, mime, plaintext or summary", "KIND" },
  { "nomail", 'n', 0, G_OPTION_ARG_NONE, &no_delivery, "only members whose delivery is off", NULL },
  { NULL },
};

struct listing {
  const struct list *list;
  enum member_role role;
  int64_t after;
  GPtrArray *slice;
};

static enum res
read_slice(struct tx *tx, void *arg, GError **error)
{
  struct listing *listing = arg;
  return member_slice(tx, listing->list->id, listing->role, listing->after, SLICE_SIZE, &listing->slice, error);
}

static bool
is_digest_kind(const char *kind)
{
  static const char *const kinds[] = { "any", "mime", "plaintext", "summary", NULL };
  return g_strv_contains(kinds, kind);
}

static bool
is_digest(const struct member *member)
{
  if (strcmp(digest_mode, "any") == 0)
    return member->mode != MODE_REGULAR;
  return g_str_has_prefix(delivery_mode_name(member->mode), digest_mode);
}

static bool
is_wanted(const struct member *member)
{
  if (regular && member->mode != MODE_REGULAR)
    return false;
  if (digest_mode && !is_digest(member))
    return false;
  return !no_delivery || member->status != STATUS_ENABLED;
}

static void
show(const struct member *member, json_t *all)
{
  if (all) {
    json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s, s:s}", "email", member->address, "display_name", member->name, "role",
                                         member_role_name(member->role), "delivery_mode", delivery_mode_name(member->mode), "delivery_status",
                                         delivery_status_name(member->status)));
    return;
  }
  g_autofree char *name = cli_clean(member->name);
  if (name[0])
    cli_print("%s <%s>\n", name, member->address);
  else
    cli_print("%s\n", member->address);
}

static enum res
show_role(struct store *store, struct listing *listing, json_t *all, GError **error)
{
  listing->after = 0;
  for (;;) {
    enum res res = store_read(store, read_slice, listing, error);
    g_autoptr(GPtrArray) slice = g_steal_pointer(&listing->slice);
    if (res != RES_OK || slice->len == 0)
      return res;
    for (guint i = 0; i < slice->len; i++) {
      const struct member *member = g_ptr_array_index(slice, i);
      listing->after = member->join_number;
      if (is_wanted(member))
        show(member, all);
    }
  }
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc;
  bool both = role_name && strcmp(role_name, "administrator") == 0;
  int role = both ? MEMBER_OWNER : member_role_parse(role_name ? role_name : "member");
  if (role < 0)
    return cli_usage("members: \"%s\" is no role; it is member, owner, moderator, nonmember or administrator", role_name);
  if (digest_mode && !is_digest_kind(digest_mode))
    return cli_usage("members: \"%s\" is no kind of digest; it is any, mime, plaintext or summary", digest_mode);
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  OWN(list) list = NULL;
  enum res res = cli_open_list(cli, argv[0], &store, &list, &error);
  if (res != RES_OK)
    return cli_fail(error);
  struct listing listing = { .list = list, .role = (enum member_role)role };
  json_t *all = cli->json ? json_array() : NULL;
  res = show_role(store, &listing, all, &error);
  listing.role = MEMBER_MODERATOR;
  if (res == RES_OK && both)
    res = show_role(store, &listing, all, &error);
  if (all && res == RES_OK)
    cli_print_json(g_steal_pointer(&all));
  json_decref(all);
  return cli_result(res, error);
}

const struct cli_command members_command = {
  .name = "members", .arguments = "LIST", .summary = "who is on a list, one a line", .options = options, .lists = true, .min = 1, .max = 1, .run = run,
};
