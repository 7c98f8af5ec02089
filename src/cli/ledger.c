/* `ledger`: who got a posting, and what the MTA said; of one address, the whole story. */
#include "courier/ledger.h"
#include "cli/commands.h"
#include "cli/json_list.h"
#include "courier/ledger_story.h"

/* 0: there is no time to show. */
static char *
time_text(int64_t at, bool json)
{
  return at ? cli_time(at, json) : g_strdup(json ? "" : "-");
}

static json_t *
line_json(const struct ledger_line *line)
{
  g_autofree char *at = time_text(line->at ? line->at : line->next_at, true), *via = cli_clean(line->via), *reply = cli_clean(line->reply);
  return json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:I}", "address", line->address, "state", line->state, "at", at, "attempts", line->attempts, "via", via, "reply", reply,
                   "returned", (json_int_t)line->returned);
}

static void
print_line(const struct ledger_line *line)
{
  g_autofree char *at = time_text(line->at ? line->at : line->next_at, false), *via = cli_clean(line->via), *reply = cli_clean(line->reply);
  cli_print("%s  %s  %s  %s  %s", line->address, line->state, at, via[0] ? via : "-", reply);
  if (line->returned)
    cli_print("  [mail came back: %" G_GINT64_FORMAT "]", line->returned);
  cli_print("\n");
}

/* --- all recipients --- */

static void
show(const struct ledger_line *line, void *arg)
{
  struct json_list *all = arg;
  if (all)
    json_list_add(all, line_json(line));
  else
    print_line(line);
}

static void
show_summary(const struct ledger_summary *summary)
{
  if (summary->deliveries == 0)
    cli_print("not accepted for delivery: held, refused by a moderator, or mail to a role address\n");
  else if (summary->lines == 0)
    cli_print("nobody, so far; %s\n", summary->open ? "it is on its way" : "there was nobody to send it to");
  const struct { const char *who; int64_t count; } passed_over[] = {
    { "digest members", summary->skips.roster.digest },
    { "members whose delivery is off", summary->skips.roster.disabled },
    { "members who do not want their own postings", summary->skips.roster.own },
    { "members addressed directly, who do not want a second copy", summary->skips.copy },
    { "members of a list that was removed", summary->skips.removed },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(passed_over); i++)
    if (passed_over[i].count)
      cli_print("passed over: %" G_GINT64_FORMAT " %s\n", passed_over[i].count, passed_over[i].who);
}

static enum res
show_all(struct store *store, const char *code, bool json, GError **error)
{
  struct ledger_summary summary = { 0 };
  struct json_list all = { false };
  enum res res = ledger_read(store, code, show, json ? &all : NULL, &summary, error);
  if (res == RES_OK && json)
    json_list_end(&all);
  else if (res == RES_OK)
    show_summary(&summary);
  return res;
}

/* --- one of them --- */

static json_t *
history_json(const struct ledger_story *story)
{
  json_t *history = json_array();
  for (guint i = 0; i < story->events->len; i++) {
    const struct ledger_event *event = g_ptr_array_index(story->events, i);
    g_autofree char *at = time_text(event->at, true), *via = cli_clean(event->via), *text = cli_clean(event->text);
    json_array_append_new(history, json_pack("{s:s, s:s, s:s, s:s}", "at", at, "event", event->what, "via", via, "text", text));
  }
  return history;
}

static void
print_story_json(const struct ledger_story *story)
{
  json_t *all = json_array();
  for (guint i = 0; i < story->lines->len; i++) {
    json_t *line = line_json(g_ptr_array_index(story->lines, i));
    json_object_set_new(line, "history", history_json(story));
    json_array_append_new(all, line);
  }
  cli_print_json(all);
}

static void
print_story(const struct ledger_story *story)
{
  for (guint i = 0; i < story->lines->len; i++)
    print_line(g_ptr_array_index(story->lines, i));
  for (guint i = 0; i < story->events->len; i++) {
    const struct ledger_event *event = g_ptr_array_index(story->events, i);
    g_autofree char *at = time_text(event->at, false), *via = cli_clean(event->via), *text = cli_clean(event->text);
    g_autofree char *row = g_strdup_printf("  %-19s  %-9s  %s%s%s", at, event->what, via, via[0] ? "  " : "", text);
    cli_print("%s\n", g_strchomp(row));
  }
}

static enum res
show_one(struct store *store, const char *code, const char *address, bool json, GError **error)
{
  OWN(ledger_story) story = NULL;
  enum res res = ledger_story_read(store, code, address, &story, error);
  if (res != RES_OK)
    return res;
  if (json)
    print_story_json(story);
  else
    print_story(story);
  return RES_OK;
}

static int
run(struct cli *cli, int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  enum res res = cli_store(cli, &store, &error);
  if (res == RES_OK)
    res = argc > 1 ? show_one(store, argv[0], argv[1], cli->json, &error) : show_all(store, argv[0], cli->json, &error);
  if (res == RES_MORE)
    res = refuse(&error, REPLY_SYNTAX, "there is no posting with the id %s; ids stand in replies to MTAs, in the log and in `listward held`", argv[0]);
  return cli_result(res, error);
}

const struct cli_command ledger_command = {
  .name = "ledger", .arguments = "POST [ADDRESS]", .summary = "who got a posting, and what the MTA said", .lists = true, .min = 1, .max = 2, .run = run,
  .help = "POST is the id in the reply that the posting got. A line for each recipient: address, state, time (UTC; of the next try for deferred ones), who took or\n"
          "refused it (next hop, connection/transaction), the MTA's words. With ADDRESS, below that all that happened, in order: each attempt, what came back\n"
          "later; or why there was no copy.",
};
