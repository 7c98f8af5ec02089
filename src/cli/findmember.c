/* `findmember`: who has an address like this, on all lists; read in slices. */
#include "cli/commands.h"
#include "cli/json_list.h"
#include "cli/member_option.h"
#include "list/known_address.h"
#include "list/pattern.h"

/* Addresses of one transaction. */
#define SLICE_SIZE 500

static char *role_name;

static const GOptionEntry options[] = {
  { "role", 'r', 0, G_OPTION_ARG_STRING, &role_name, ROLE_GROUP_CHOICES " (any if not given)", "ROLE" },
  { NULL },
};

struct finding {
  char *pattern;  /* begins with ^ */
  char *part;     /* else: folded */
  unsigned roles; /* of ROLE_BIT() */
  char *after;
  struct json_list *all; /* NULL: for people */
  int64_t count;
  /* of the slice at hand */
  GPtrArray *addresses;   /* struct known_address */
  GPtrArray *memberships; /* an array of struct membership for each; NULL: it is not looked for */
};

/* Parts are looked for without regard to case, in the address as it is written and as it is compared (RFC 5891 domains). */
static char *
fold(const char *text)
{
  g_autofree char *normal = g_utf8_normalize(text, -1, G_NORMALIZE_NFC);
  return g_utf8_strdown(normal, -1);
}

static bool
is_wanted(const struct finding *finding, const struct known_address *known)
{
  if (finding->pattern)
    return pattern_hits(finding->pattern, known->key);
  g_autofree char *written = fold(known->address);
  return strstr(known->key, finding->part) || strstr(written, finding->part);
}

static void
free_array(void *array)
{
  if (array)
    g_ptr_array_unref(array);
}

static enum res
read_slice(struct tx *tx, void *arg, GError **error)
{
  struct finding *finding = arg;
  g_autoptr(GPtrArray) addresses = NULL, memberships = g_ptr_array_new_with_free_func(free_array);
  enum res res = known_address_slice(tx, finding->after, SLICE_SIZE, &addresses, error);
  for (guint i = 0; res == RES_OK && i < addresses->len; i++) {
    const struct known_address *known = g_ptr_array_index(addresses, i);
    GPtrArray *found = NULL;
    if (is_wanted(finding, known))
      res = known_address_memberships(tx, known->key, &found, error);
    g_ptr_array_add(memberships, found);
  }
  if (res != RES_OK)
    return res;
  finding->addresses = g_steal_pointer(&addresses);
  finding->memberships = g_steal_pointer(&memberships);
  return RES_OK;
}

static void
show(struct finding *finding, const struct known_address *known, const struct membership *membership)
{
  if (!(finding->roles & ROLE_BIT(membership->role)))
    return;
  const char *role = member_role_name(membership->role), *mode = delivery_mode_name(membership->mode), *status = delivery_status_name(membership->status);
  finding->count++;
  if (finding->all)
    json_list_add(finding->all, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "email", known->address, "display_name", known->name, "list", membership->list, "role",
                                          role, "delivery_mode", mode, "delivery_status", status));
  else
    cli_print("%s  %s  %s  %s  %s\n", known->address, membership->list, role, mode, status);
}

static void
show_slice(struct finding *finding, const GPtrArray *addresses, const GPtrArray *all_memberships)
{
  for (guint i = 0; i < addresses->len; i++) {
    const GPtrArray *memberships = g_ptr_array_index(all_memberships, i);
    for (guint j = 0; memberships && j < memberships->len; j++)
      show(finding, g_ptr_array_index(addresses, i), g_ptr_array_index(memberships, j));
  }
}

static enum res
find_all(struct store *store, struct finding *finding, GError **error)
{
  for (;;) {
    enum res res = store_read(store, read_slice, finding, error);
    if (res != RES_OK)
      return res;
    g_autoptr(GPtrArray) addresses = g_steal_pointer(&finding->addresses), memberships = g_steal_pointer(&finding->memberships);
    if (addresses->len == 0)
      return RES_OK;
    show_slice(finding, addresses, memberships);
    g_free(finding->after);
    finding->after = g_strdup(((const struct known_address *)g_ptr_array_index(addresses, addresses->len - 1))->key);
  }
}

static enum res
read_pattern(const char *text, struct finding *finding, GError **error)
{
  if (!g_utf8_validate(text, -1, NULL))
    return refuse(error, REPLY_SYNTAX, "the pattern is no UTF-8");
  if (text[0] == '^')
    return pattern_parse(text, &finding->pattern, error);
  finding->part = fold(text);
  return RES_OK;
}

static enum res
nobody(const struct finding *finding, const char *text, GError **error)
{
  return refuse(error, REPLY_SYNTAX, "nobody is found whose address %s \"%s\"%s%s", finding->pattern ? "matches" : "contains", text,
                role_name ? ", with --role " : "", role_name ? role_name : "");
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc;
  struct finding finding = { .roles = role_group_value("findmember", role_name ? role_name : "any") };
  if (finding.roles == 0)
    return CLI_USAGE;
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  enum res res = read_pattern(argv[0], &finding, &error);
  if (res == RES_OK)
    res = cli_store(cli, &store, &error);
  finding.after = g_strdup("");
  struct json_list all = { false };
  finding.all = cli->json ? &all : NULL;
  if (res == RES_OK)
    res = find_all(store, &finding, &error);
  if (res == RES_OK && finding.all)
    json_list_end(finding.all);
  if (res == RES_OK && finding.count == 0)
    res = nobody(&finding, argv[0], &error);
  g_free(finding.after);
  g_free(finding.pattern);
  g_free(finding.part);
  return cli_result(res, error);
}

const struct cli_command findmember_command = {
  .name = "findmember", .arguments = "PATTERN", .summary = "who has an address like this, and on which lists", .options = options, .lists = true, .min = 1, .max = 1,
  .run = run,
  .help = "PATTERN is a part of the address or, if it begins with ^, a regular expression matched at the start of the address; both without\n"
          "regard to case. Prints a line for each role on each list: address, list, role, delivery mode, delivery status.",
};
