/* `create`: a new list, with its domain. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/map_files.h"
#include "cli/notice_option.h"
#include "list/list.h"
#include "list/member.h"

static char **owners;
static char *style, *language;
static gboolean make_domain = TRUE, force, quiet;

static const GOptionEntry options[] = {
  { "owner", 'o', 0, G_OPTION_ARG_STRING_ARRAY, &owners, "an owner; may be given several times", "ADDRESS" },
  { "domain", 'd', 0, G_OPTION_ARG_NONE, &make_domain, "make the domain if it is new (the default)", NULL },
  { "no-domain", 'D', G_OPTION_FLAG_REVERSE, G_OPTION_ARG_NONE, &make_domain, "the domain must be there already", NULL },
  { "style", 's', 0, G_OPTION_ARG_STRING, &style, "listward-default, legacy-default, legacy-announce or private-default", "STYLE" },
  { "language", 0, 0, G_OPTION_ARG_STRING, &language, "what the list writes in; only en exists yet", "CODE" },
  NOTICE_OPTIONS("notify", 'n', 'N', "notice to the owners"),
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &quiet, "say nothing", NULL },
  { "force", 0, 0, G_OPTION_ARG_NONE, &force, "even if the name is a role address of another list, or the reverse", NULL },
  { NULL },
};

static enum res
add_owner(struct tx *tx, int64_t list_id, const char *address, int64_t now, GError **error)
{
  const struct member_new owner = { .list_id = list_id, .role = MEMBER_OWNER, .address = address, .now = now };
  bool added;
  return member_add(tx, &owner, &added, error);
}

static enum res
create(struct tx *tx, void *arg, GError **error)
{
  const struct list_new *new = arg;
  int64_t id;
  enum res res = list_create(tx, new, &id, error);
  for (char **owner = owners; res == RES_OK && owner && *owner; owner++)
    res = add_owner(tx, id, *owner, new->now, error);
  return res;
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc;
  if (style && style_find(style) == NULL)
    return cli_usage("create: \"%s\" is no style; `listward info -v` prints all there are", style);
  if (language && strcmp(language, "en") != 0)
    return cli_usage("create: \"%s\" is no language of this version; it is en", language);
  struct list_new new = { .name = argv[0], .style = style, .make_domain = make_domain, .force = force, .now = clock_now() };
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  enum res res = cli_store(cli, &store, &error);
  if (res == RES_OK)
    res = store_write(store, create, &new, &error);
  if (res == RES_OK)
    res = cli_changed(cli, &error);
  if (res == RES_OK)
    map_files_await(cli);
  if (res == RES_OK && !quiet)
    cli_print("%s: created\n", argv[0]);
  return cli_result(res, error);
}

const struct cli_command create_command = {
  .name = "create", .arguments = "LIST", .summary = "make a list, and its domain if that is new", .options = options, .min = 1, .max = 1, .run = run,
  .help = "LIST is the posting address, such as ant@example.com. Needs no owner and no running server.",
};
