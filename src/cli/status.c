/* `status`: is a server running, and how is it? */
#include "cli/commands.h"
#include "cli/next_hops.h"

/* A number, if it is one. */
static json_t *
value_of(const char *text)
{
  char *end;
  gint64 number = g_ascii_strtoll(text, &end, 10);
  return *text && *end == '\0' ? json_integer(number) : json_string(text);
}

static void
show(const char *line, json_t *all)
{
  if (g_str_has_prefix(line, "hop "))
    return;
  g_auto(GStrv) parts = g_strsplit(line, " ", 2);
  if (all && parts[0] && parts[1])
    json_object_set_new(all, parts[0], value_of(parts[1]));
  else if (!all && parts[0] && parts[1])
    cli_print("%-24s %s\n", parts[0], parts[1]);
}

static void
show_hops(const GPtrArray *lines, json_t *all)
{
  json_t *hops = next_hops_of(lines, all != NULL), *hop;
  size_t i;
  json_array_foreach(hops, i, hop) {
    g_autofree char *name = next_hop_name(hop), *text = next_hop_text(hop);
    if (!all)
      cli_print("%-24s %s: %s\n", "next_hop", name, text);
  }
  if (all)
    json_object_set(all, "next_hops", hops);
  json_decref(hops);
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc, (void)argv;
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) lines = NULL;
  enum res res = cli_ask(cli, "status", &lines, &error);
  if (res == RES_MORE)
    res = refuse(&error, REPLY_TROUBLE, "no server is running on %s", cli->config->state_dir);
  if (res != RES_OK)
    return cli_fail(error);
  json_t *all = cli->json ? json_object() : NULL;
  for (guint i = 0; i < lines->len; i++)
    show(g_ptr_array_index(lines, i), all);
  show_hops(lines, all);
  if (all)
    cli_print_json(all);
  return CLI_DONE;
}

const struct cli_command status_command = {
  .name = "status", .arguments = "", .summary = "is a server running, and how is it; exit 1 if none is", .lists = true, .max = 0, .run = run,
  .help = "Process, memory, sessions, what has been counted since the start, and a line for each next hop of each outlet: up, with its window and connections, or\n"
          "down since when, why, and when it is tried again.",
};
