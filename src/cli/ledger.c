/* `ledger`: who got a posting, and what the MTA said. */
#include "courier/ledger.h"
#include "cli/commands.h"

static void
show(const struct ledger_line *line, void *arg)
{
  json_t *all = arg;
  g_autofree char *at = line->at ? cli_time(line->at, all != NULL) : line->next_at ? cli_time(line->next_at, all != NULL) : g_strdup("-");
  g_autofree char *reply = cli_clean(line->reply);
  if (all)
    json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:i, s:s}", "address", line->address, "state", line->state, "at", at, "attempts", line->attempts,
                                         "reply", reply));
  else
    cli_print("%s  %s  %s  %s\n", line->address, line->state, at, reply);
}

static void
show_summary(const struct ledger_summary *summary, const char *address)
{
  if (summary->deliveries == 0)
    cli_print("not accepted for delivery: held, refused by a moderator, or kept\n");
  else if (summary->lines == 0 && address)
    cli_print("nothing for %s%s\n", address, summary->open ? " so far; the posting is on its way" : "");
  else if (summary->lines == 0)
    cli_print("nobody, so far; %s\n", summary->open ? "it is on its way" : "there was nobody to send it to");
  const struct { const char *who; int64_t count; } passed_over[] = {
    { "digest members", summary->skips.digest },
    { "members whose delivery is off", summary->skips.disabled },
    { "members who do not want their own postings", summary->skips.own },
    { "members addressed directly, who do not want a second copy", summary->copy },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(passed_over); i++)
    if (passed_over[i].count)
      cli_print("passed over: %" G_GINT64_FORMAT " %s\n", passed_over[i].count, passed_over[i].who);
}

static int
run(struct cli *cli, int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  struct ledger_summary summary = { 0 };
  json_t *all = cli->json ? json_array() : NULL;
  enum res res = cli_store(cli, &store, &error);
  if (res == RES_OK)
    res = ledger_read(store, argv[0], argc > 1 ? argv[1] : NULL, show, all, &summary, &error);
  if (res == RES_MORE) {
    g_clear_error(&error);
    res = refuse(&error, REPLY_SYNTAX, "there is no posting with the id %s; ids stand in replies to MTAs, in the log and in `listward held`", argv[0]);
  }
  if (res == RES_OK && !all)
    show_summary(&summary, argc > 1 ? argv[1] : NULL);
  if (res == RES_OK && all)
    cli_print_json(g_steal_pointer(&all));
  json_decref(all);
  return cli_result(res, error);
}

const struct cli_command ledger_command = {
  .name = "ledger", .arguments = "POST [ADDRESS]", .summary = "who got a posting, and what the MTA said", .lists = true, .min = 1, .max = 2, .run = run,
  .help = "POST is the id in the reply that the posting got. A line for each recipient: address, state, time (of the next try for deferred ones), the MTA's words.",
};
