/* `show` and `set`: a list's settings. */
#include "cli/commands.h"
#include "cli/open_list.h"
#include "cli/outlet_setting.h"

struct showing {
  const struct list *list;
  const char *name;  /* NULL: all */
  GPtrArray *stored; /* a text for each setting of the table; NULL: not wanted */
};

/* Owned by the caller. */
static json_t *
typed(const struct setting *setting, const char *stored)
{
  switch (setting->type) {
  case SETTING_BOOL: return json_boolean(strcmp(stored, "true") == 0);
  case SETTING_INT:
  case SETTING_SIZE_KIB: return json_integer(g_ascii_strtoll(stored, NULL, 10));
  case SETTING_FLOAT: return json_real(g_ascii_strtod(stored, NULL));
  default: return setting_is_list(setting) ? json_loads(stored, 0, NULL) : json_string(stored);
  }
}

/* A text of several lines, each without control characters. Owned by the caller. */
static char *
clean_lines(const char *text)
{
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line; line++) {
    char *clean = cli_clean(*line);
    g_free(*line);
    *line = clean;
  }
  return g_strjoinv("\n", lines);
}

static enum res
read_settings(struct tx *tx, void *arg, GError **error)
{
  struct showing *showing = arg;
  g_ptr_array_set_size(showing->stored, 0);
  for (const struct setting *setting = setting_table; setting->name; setting++) {
    char *stored = NULL;
    bool wanted = showing->name == NULL || strcmp(showing->name, setting->name) == 0;
    enum res res = wanted ? list_get(tx, showing->list->id, setting, &stored, error) : RES_OK;
    if (res != RES_OK)
      return res;
    g_ptr_array_add(showing->stored, stored);
  }
  return RES_OK;
}

static void
print_setting(const struct showing *showing, const struct setting *setting, const char *stored)
{
  g_autofree char *shown = setting_display(setting, stored), *text = clean_lines(shown);
  if (showing->name)
    cli_print("%s\n", text);
  else
    cli_print("%s = %s\n", setting->name, g_strdelimit(text, "\n", ' '));
}

/* Outside the snapshot: whoever reads may be slow. */
static void
print_settings(const struct showing *showing, bool json)
{
  json_t *all = json ? json_object() : NULL;
  for (guint i = 0; i < showing->stored->len; i++) {
    const char *stored = g_ptr_array_index(showing->stored, i);
    if (stored == NULL)
      continue;
    if (!all)
      print_setting(showing, &setting_table[i], stored);
    else {
      json_t *value = typed(&setting_table[i], stored);
      json_object_set_new(all, setting_table[i].name, value ? value : json_null());
    }
  }
  if (all)
    cli_print_json(all);
}

static int
run_show(struct cli *cli, int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  OWN(list) list = NULL;
  if (argc == 2 && setting_find(argv[1]) == NULL)
    return cli_usage("show: \"%s\" is no list setting; `listward show %s` prints them all", argv[1], argv[0]);
  enum res res = cli_open_list(cli, argv[0], &store, &list, &error);
  if (res != RES_OK)
    return cli_fail(error);
  g_autoptr(GPtrArray) stored = g_ptr_array_new_with_free_func(g_free);
  struct showing showing = { .list = list, .name = argc == 2 ? argv[1] : NULL, .stored = stored };
  res = store_read(store, read_settings, &showing, &error);
  if (res == RES_OK)
    print_settings(&showing, cli->json);
  return cli_result(res, error);
}

/* NAME=VALUE, NAME+=ITEM or NAME-=ITEM. */
struct assignment {
  char *name, *value;
  enum list_set_how how;
};

static void
assignment_clear(struct assignment *assignment)
{
  g_clear_pointer(&assignment->name, g_free);
  g_clear_pointer(&assignment->value, g_free);
}

static bool
parse_assignment(const char *text, struct assignment *assignment)
{
  const char *equals = strchr(text, '=');
  if (equals == NULL || equals == text)
    return false;
  char before = equals[-1];
  assignment->how = before == '+' ? LIST_SET_ADD : before == '-' ? LIST_SET_REMOVE : LIST_SET;
  assignment->name = g_strndup(text, (size_t)(equals - text) - (assignment->how == LIST_SET ? 0 : 1));
  assignment->value = g_strdup(equals + 1);
  return true;
}

/* CLI_DONE, or what is wrong with the words alone has been said. */
static int
check_assignment(const char *text, const char *list)
{
  struct assignment assignment = { .name = NULL };
  int status = CLI_DONE;
  if (!parse_assignment(text, &assignment))
    status = cli_usage("set: \"%s\" is not NAME=VALUE", text);
  else if (setting_find(assignment.name) == NULL)
    status = cli_usage("set: \"%s\" is no list setting; `listward show %s` prints them all", assignment.name, list);
  assignment_clear(&assignment);
  return status;
}

struct change {
  const struct config *config;
  const struct list *list;
  char **assignments;
};

static enum res
set(struct tx *tx, void *arg, GError **error)
{
  const struct change *change = arg;
  enum res res = RES_OK;
  for (char **text = change->assignments; res == RES_OK && *text; text++) {
    struct assignment assignment;
    bool parsed = parse_assignment(*text, &assignment);
    g_assert(parsed); /* run_set has looked */
    res = outlet_setting_check(change->config, assignment.name, assignment.value, error);
    if (res == RES_OK)
      res = list_set(tx, change->list->id, assignment.name, assignment.how, assignment.value, error);
    if (res == RES_OK)
      res = outlet_setting_follow(tx, change->list->id, assignment.name, assignment.value, error);
    assignment_clear(&assignment);
  }
  return res;
}

static int
run_set(struct cli *cli, int argc, char **argv)
{
  for (int i = 1; i < argc; i++)
    if (check_assignment(argv[i], argv[0]) != CLI_DONE)
      return CLI_USAGE;
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  OWN(list) list = NULL;
  enum res res = cli_open_list(cli, argv[0], &store, &list, &error);
  struct change change = { .config = cli->config, .list = list, .assignments = argv + 1 };
  if (res == RES_OK)
    res = store_write(store, set, &change, &error);
  if (res == RES_OK)
    res = cli_changed(cli, &error);
  return cli_result(res, error);
}

const struct cli_command show_command = {
  .name = "show", .arguments = "LIST [NAME]", .summary = "a list's settings, or one of them", .lists = true, .min = 1, .max = 2, .run = run_show,
};
const struct cli_command set_command = {
  .name = "set", .arguments = "LIST NAME=VALUE…", .summary = "change settings; in force when the command has ended", .min = 2, .max = -1, .run = run_set,
  .help = "Values: true/yes/on/1, names as `listward show` prints them, times such as 7d, sizes such as 10M.\n"
          "A setting that is a list takes one item a line or a JSON array; NAME+=ITEM adds one, NAME-=ITEM takes one away.\n"
          "All assignments are made, or none.",
};
