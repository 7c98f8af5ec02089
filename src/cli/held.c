/* `held`, `accept`, `reject`, `discard`: what waits for a moderator. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/open_list.h"
#include "queue/hold.h"
#include <stdio.h>

static char *comment;

static const GOptionEntry reject_options[] = {
  { "comment", 0, 0, G_OPTION_ARG_STRING, &comment, "for the author; notices cannot be sent yet", "TEXT" },
  { NULL },
};

struct listing {
  const struct list *list;
  GPtrArray *postings;
};

static enum res
read_held(struct tx *tx, void *arg, GError **error)
{
  struct listing *listing = arg;
  return hold_list(tx, listing->list->id, &listing->postings, error);
}

static void
show(const struct posting *posting, json_t *all)
{
  g_autofree char *at = cli_time(posting->received_at), *subject = cli_clean(posting->subject), *sender = cli_clean(posting->sender);
  if (all)
    json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "id", posting->code, "sender", sender, "date", at, "rule", posting->rule,
                                         "reason", posting->reason, "subject", subject, "proven", posting->proven));
  else
    cli_print("%s  %s  %s  %s  %s\n", posting->code, sender, at, posting->rule, subject);
}

static int
run_held(struct cli *cli, int argc, char **argv)
{
  (void)argc;
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  OWN(list) list = NULL;
  enum res res = cli_open_list(cli, argv[0], &store, &list, &error);
  struct listing listing = { .list = list };
  if (res == RES_OK)
    res = store_read(store, read_held, &listing, &error);
  if (res != RES_OK)
    return cli_fail(error);
  g_autoptr(GPtrArray) postings = listing.postings;
  json_t *all = cli->json ? json_array() : NULL;
  for (guint i = 0; i < postings->len; i++)
    show(g_ptr_array_index(postings, i), all);
  if (all)
    cli_print_json(all);
  return CLI_DONE;
}

struct decision {
  const struct list *list;
  const char *code;
  enum hold_decision what;
};

static enum res
decide(struct tx *tx, void *arg, GError **error)
{
  const struct decision *decision = arg;
  enum res res = hold_decide(tx, decision->list, decision->code, decision->what, clock_now(), error);
  if (res == RES_MORE)
    return refuse(error, REPLY_SYNTAX, "nothing is held by the id %s; `listward held %s` prints what is", decision->code, decision->list->posting);
  return res;
}

/* Each id for itself: one that is not there does not keep the others waiting. */
static int
decide_all(struct cli *cli, int argc, char **argv, enum hold_decision what)
{
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  OWN(list) list = NULL;
  if (cli_open_list(cli, argv[0], &store, &list, &error) != RES_OK)
    return cli_fail(error);
  int status = CLI_DONE;
  for (int i = 1; i < argc; i++) {
    g_autoptr(GError) problem = NULL;
    struct decision decision = { .list = list, .code = argv[i], .what = what };
    if (store_write(store, decide, &decision, &problem) != RES_OK)
      status = cli_fail(problem);
  }
  enum res res = cli_changed(cli, &error);
  return res == RES_OK ? status : cli_fail(error);
}

static int
run_accept(struct cli *cli, int argc, char **argv)
{
  return decide_all(cli, argc, argv, HOLD_ACCEPT);
}

static int
run_discard(struct cli *cli, int argc, char **argv)
{
  return decide_all(cli, argc, argv, HOLD_DISCARD);
}

static int
run_reject(struct cli *cli, int argc, char **argv)
{
  int status = decide_all(cli, argc, argv, HOLD_REJECT);
  if (status == CLI_DONE)
    fprintf(stderr, "listward: dropped; their authors were not told, because notices cannot be sent yet%s\n", comment ? ": the comment is lost" : "");
  return status;
}

const struct cli_command held_command = {
  .name = "held", .arguments = "LIST", .summary = "what waits for a moderator: id, sender, date, rule, subject", .lists = true, .min = 1, .max = 1,
  .run = run_held,
};
const struct cli_command accept_command = {
  .name = "accept", .arguments = "LIST ID…", .summary = "post held messages", .min = 2, .max = -1, .run = run_accept,
};
const struct cli_command discard_command = {
  .name = "discard", .arguments = "LIST ID…", .summary = "drop held messages", .min = 2, .max = -1, .run = run_discard,
};
const struct cli_command reject_command = {
  .name = "reject", .arguments = "LIST ID…", .summary = "refuse held messages", .options = reject_options, .min = 2, .max = -1, .run = run_reject,
};
