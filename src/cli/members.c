/* `members`: who is on a list, one a line, read in slices. */
#include "cli/commands.h"
#include "cli/json_list.h"
#include "cli/member_option.h"
#include "cli/open_list.h"

#define SLICE_SIZE 500

static char *role_name, *digest_mode, *why;
static gboolean regular, email_only, count_only;

/* Names of reasons why delivery is off: a set of statuses. */
#define ONE(status) (1u << (status))

static const struct {
  const char *name;
  unsigned statuses;
} reasons[] = {
  { "any", ONE(STATUS_BY_USER) | ONE(STATUS_BY_BOUNCES) | ONE(STATUS_BY_MODERATOR) | ONE(STATUS_UNKNOWN) },
  { "byadmin", ONE(STATUS_BY_MODERATOR) }, { "byuser", ONE(STATUS_BY_USER) }, { "bybounces", ONE(STATUS_BY_BOUNCES) },
  { "unknown", ONE(STATUS_UNKNOWN) }, { "enabled", ONE(STATUS_ENABLED) },
};

/* Mailman's `members` changes members too; here commands of their own do. */
static const struct {
  const char *letter, *name, *command;
} moved[] = {
  { "-a", "--add", "addmembers FILE LIST" },
  { "-x", "--delete", "delmembers -f FILE -l LIST" },
  { "-s", "--sync", "syncmembers FILE LIST" },
};

static gboolean
refuse_moved(const char *option, const char *value, gpointer data, GError **error)
{
  (void)value, (void)data;
  for (size_t i = 0; i < G_N_ELEMENTS(moved); i++)
    if (strcmp(option, moved[i].letter) == 0 || strcmp(option, moved[i].name) == 0)
      g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "%s: `listward %s` does that", option, moved[i].command);
  return FALSE;
}

static const GOptionEntry options[] = {
  { "role", 'R', 0, G_OPTION_ARG_STRING, &role_name, ROLE_GROUP_CHOICES " (member if not given)", "ROLE" },
  { "regular", 'r', 0, G_OPTION_ARG_NONE, &regular, "only members who get each posting", NULL },
  { "digest", 'd', 0, G_OPTION_ARG_STRING, &digest_mode, "only members who get digests: any, mime, plaintext or summary", "KIND" },
  { "nomail", 'n', 0, G_OPTION_ARG_STRING, &why, "only members whose delivery is off: any, byadmin, byuser, bybounces or unknown; or on: enabled", "WHY" },
  { "email-only", 'e', 0, G_OPTION_ARG_NONE, &email_only, "addresses without names", NULL },
  { "count-only", 'c', 0, G_OPTION_ARG_NONE, &count_only, "only how many they are", NULL },
  { "add", 'a', G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_CALLBACK, (gpointer)refuse_moved, NULL, "FILE" },
  { "delete", 'x', G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_CALLBACK, (gpointer)refuse_moved, NULL, "FILE" },
  { "sync", 's', G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_CALLBACK, (gpointer)refuse_moved, NULL, "FILE" },
  { NULL },
};

struct listing {
  const struct list *list;
  unsigned reasons; /* of ONE(status) */
  struct json_list *all; /* NULL: for people */
  int64_t count;
  enum member_role role; /* the one at hand */
  int64_t after;
  GPtrArray *slice;
};

/* 0: there is no such reason. */
static unsigned
statuses_of(const char *reason)
{
  for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++)
    if (strcmp(reasons[i].name, reason) == 0)
      return reasons[i].statuses;
  return 0;
}

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
is_wanted(const struct listing *listing, const struct member *member)
{
  if (regular && member->mode != MODE_REGULAR)
    return false;
  if (digest_mode && !is_digest(member))
    return false;
  return listing->reasons & ONE(member->status);
}

static json_t *
json_of(const struct member *member)
{
  if (email_only)
    return json_string(member->address);
  return json_pack("{s:s, s:s, s:s, s:s, s:s}", "email", member->address, "display_name", member->name, "role", member_role_name(member->role), "delivery_mode",
                   delivery_mode_name(member->mode), "delivery_status", delivery_status_name(member->status));
}

static void
show(struct listing *listing, const struct member *member)
{
  listing->count++;
  if (count_only)
    return;
  if (listing->all) {
    json_list_add(listing->all, json_of(member));
    return;
  }
  g_autofree char *name = cli_clean(member->name);
  if (name[0] && !email_only)
    cli_print("%s <%s>\n", name, member->address);
  else
    cli_print("%s\n", member->address);
}

static enum res
show_role(struct store *store, struct listing *listing, enum member_role role, GError **error)
{
  listing->role = role;
  listing->after = 0;
  for (;;) {
    enum res res = store_read(store, read_slice, listing, error);
    g_autoptr(GPtrArray) slice = g_steal_pointer(&listing->slice);
    if (res != RES_OK || slice->len == 0)
      return res;
    for (guint i = 0; i < slice->len; i++) {
      const struct member *member = g_ptr_array_index(slice, i);
      listing->after = member->join_number;
      if (is_wanted(listing, member))
        show(listing, member);
    }
  }
}

/* What comes after the last member. */
static void
show_end(struct listing *listing)
{
  if (count_only)
    cli_print("%" G_GINT64_FORMAT "\n", listing->count);
  else if (listing->all)
    json_list_end(listing->all);
}

static int
show_members(struct cli *cli, const char *list_name, unsigned roles, unsigned status)
{
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  OWN(list) list = NULL;
  enum res res = cli_open_list(cli, list_name, &store, &list, &error);
  struct json_list all = { false };
  struct listing listing = { .list = list, .reasons = status, .all = cli->json ? &all : NULL };
  for (int role = MEMBER_MEMBER; res == RES_OK && role <= MEMBER_NONMEMBER; role++)
    if (roles & ROLE_BIT(role))
      res = show_role(store, &listing, (enum member_role)role, &error);
  if (res == RES_OK)
    show_end(&listing);
  return cli_result(res, error);
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc;
  unsigned roles = role_group_value("members", role_name ? role_name : "member");
  unsigned status = why ? statuses_of(why) : ~0u;
  if (roles == 0)
    return CLI_USAGE;
  if (digest_mode && !is_digest_kind(digest_mode))
    return cli_usage("members: \"%s\" is no kind of digest; it is any, mime, plaintext or summary", digest_mode);
  if (status == 0)
    return cli_usage("members: \"%s\" is no reason; it is any, byadmin, byuser, bybounces, unknown or enabled", why);
  return show_members(cli, argv[0], roles, status);
}

const struct cli_command members_command = {
  .name = "members", .arguments = "LIST", .summary = "who is on a list, one a line", .options = options, .lists = true, .output = true, .min = 1, .max = 1, .run = run,
};
