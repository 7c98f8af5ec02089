/* `member`: one member's preferences. */
#include "list/member.h"
#include "cli/commands.h"
#include "cli/member_option.h"
#include "cli/open_list.h"
#include "envelope/address.h"

static char *role_name;

static const GOptionEntry options[] = {
  ROLE_OPTION(role_name),
  { NULL },
};

struct change {
  const struct list *list;
  enum member_role role;
  const char *address;
  char **assignments;
  struct member *member;
};

static enum res
find(struct tx *tx, void *arg, GError **error)
{
  struct change *change = arg;
  g_autofree char *key = address_key_of(slice_of(change->address));
  enum res res = key ? member_find(tx, change->list->id, change->role, key, &change->member, error) : RES_MORE;
  return res == RES_MORE ? refuse(error, REPLY_BAD_ADDRESS, "%s is no %s of %s", change->address, member_role_name(change->role), change->list->posting) : res;
}

static enum res
set(struct tx *tx, void *arg, GError **error)
{
  struct change *change = arg;
  enum res res = RES_OK;
  for (char **text = change->assignments; res == RES_OK && *text; text++) {
    g_auto(GStrv) parts = g_strsplit(*text, "=", 2);
    if (g_strv_length(parts) != 2)
      return refuse(error, REPLY_SYNTAX, "\"%s\" is not NAME=VALUE", *text);
    res = member_set(tx, change->member->id, parts[0], parts[1], error);
    if (res == RES_MORE)
      return trouble(error, REPLY_TROUBLE, "%s has just left", change->address);
  }
  return res;
}

static const char *
moderation_name(int moderation)
{
  const struct setting *setting = setting_find("default_member_action");
  return moderation < 0 ? "default" : setting->choices[moderation];
}

static void
show(const struct member *member, bool json)
{
  const struct { const char *name, *value; } rows[] = {
    { "address", member->address },
    { "role", member_role_name(member->role) },
    { "display_name", member->name },
    { "delivery_mode", delivery_mode_name(member->mode) },
    { "delivery_status", delivery_status_name(member->status) },
    { "moderation_action", moderation_name(member->moderation) },
    { "receive_own_postings", member->receive_own_postings ? "true" : "false" },
    { "receive_list_copy", member->receive_list_copy ? "true" : "false" },
  };
  json_t *all = json ? json_object() : NULL;
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *value = cli_clean(rows[i].value);
    if (all)
      json_object_set_new(all, rows[i].name, json_string(value));
    else
      cli_print("%s = %s\n", rows[i].name, value);
  }
  if (all)
    cli_print_json(all);
}

static int
run(struct cli *cli, int argc, char **argv)
{
  int role = role_option_value("member", role_name);
  if (role < 0)
    return CLI_USAGE;
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  OWN(list) list = NULL;
  struct change change = { .role = (enum member_role)role, .address = argv[1], .assignments = argv + 2 };
  enum res res = cli_open_list(cli, argv[0], &store, &list, &error);
  change.list = list;
  if (res == RES_OK)
    res = store_read(store, find, &change, &error);
  OWN(member) member = change.member;
  if (res == RES_OK && argc == 2)
    show(member, cli->json);
  if (res == RES_OK && argc > 2)
    res = store_write(store, set, &change, &error);
  if (res == RES_OK && argc > 2)
    res = cli_changed(cli, &error);
  return cli_result(res, error);
}

const struct cli_command member_command = {
  .name = "member", .arguments = "LIST ADDRESS [NAME=VALUE…]", .summary = "one member's preferences: show or change them", .options = options, .lists = true,
  .min = 2, .max = -1, .run = run,
  .help = "NAME is delivery_mode, delivery_status, moderation_action, receive_own_postings, receive_list_copy or display_name.",
};
