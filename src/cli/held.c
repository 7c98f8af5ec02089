/* `held`, `accept`, `reject`, `discard`: what waits for a moderator. */
#include "base/clock.h"
#include "base/crash_point.h"
#include "cli/commands.h"
#include "cli/open_list.h"
#include "queue/hold.h"
#include <stdio.h>
#include <unistd.h>

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
  g_autofree char *at = cli_time(posting->received_at, all != NULL), *subject = cli_clean(posting->subject), *sender = cli_clean(posting->sender);
  if (all)
    json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "id", posting->code, "sender", sender, "date", at, "rule", posting->rule,
                                         "reason", posting->reason, "subject", subject, "proven", posting->proven));
  else
    cli_print("%s  %s  %s  %s  %s\n", posting->code, sender, at, posting->rule, subject);
}

static enum res
no_such_id(const struct list *list, const char *code, GError **error)
{
  return refuse(error, REPLY_SYNTAX, "nothing is held by the id %s; `listward held %s` prints what is", code, list->posting);
}

/* --- one message, to be read --- */

struct reading {
  const struct list *list;
  const char *code;
  struct posting *posting;
  GBytes *octets;
};

static enum res
read_message(struct tx *tx, void *arg, GError **error)
{
  struct reading *reading = arg;
  enum res res = posting_find(tx, reading->code, &reading->posting, error);
  if (res == RES_MORE || (res == RES_OK && (reading->posting->list_id != reading->list->id || reading->posting->state != POSTING_HELD)))
    return no_such_id(reading->list, reading->code, error);
  return res == RES_OK ? posting_octets(tx, reading->posting->message_id, &reading->octets, error) : res;
}

/* For eyes: line by line, without what drives a terminal. */
static void
print_cleaned(struct slice octets)
{
  while (octets.n) {
    struct slice line = slice_until(octets, '\n');
    octets = slice_skip(octets, line.n + 1);
    g_autofree char *text = slice_dup(slice_head(line, line.n && line.p[line.n - 1] == '\r' ? line.n - 1 : line.n));
    g_autofree char *clean = cli_clean(text);
    cli_print("%s\n", clean);
  }
}

/* A file or a program gets the octets as they came. */
static void
print_message(const struct posting *posting, struct slice octets)
{
  if (!isatty(STDOUT_FILENO)) {
    fwrite(octets.p, 1, octets.n, stdout);
    return;
  }
  g_autofree char *at = cli_time(posting->received_at, false), *reason = cli_clean(posting->reason);
  cli_print("held since %s by the rule %s: %s\n\n", at, posting->rule, reason);
  print_cleaned(octets);
}

static int
show_message(struct store *store, const struct list *list, const char *code)
{
  g_autoptr(GError) error = NULL;
  struct reading reading = { .list = list, .code = code };
  enum res res = store_read(store, read_message, &reading, &error);
  OWN(posting) posting = reading.posting;
  g_autoptr(GBytes) octets = reading.octets;
  if (res == RES_OK)
    print_message(posting, slice_bytes(octets));
  return cli_result(res, error);
}

static int
run_held(struct cli *cli, int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  OWN(list) list = NULL;
  enum res res = cli_open_list(cli, argv[0], &store, &list, &error);
  if (res == RES_OK && argc == 2 && cli->json)
    return cli_usage("held: --json prints the listing; a message is printed as it is");
  if (res == RES_OK && argc == 2)
    return show_message(store, list, argv[1]);
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
    return no_such_id(decision->list, decision->code, error);
  return res;
}

/* Each id for itself: one that is not there does not keep the others waiting. */
static int
decide_all(struct cli *cli, int argc, char **argv, enum hold_decision what, const char *done)
{
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  OWN(list) list = NULL;
  if (cli_open_list(cli, argv[0], &store, &list, &error) != RES_OK)
    return cli_fail(error);
  int status = CLI_DONE, count = 0;
  for (int i = 1; i < argc; i++) {
    g_autoptr(GError) problem = NULL;
    struct decision decision = { .list = list, .code = argv[i], .what = what };
    if (store_write(store, decide, &decision, &problem) != RES_OK)
      status = cli_fail(problem);
    else
      count++;
    CRASH_POINT("decision-committed");
  }
  if (count)
    cli_print("%d %s\n", count, done);
  enum res res = cli_changed(cli, &error);
  return res == RES_OK ? status : cli_fail(error);
}

static int
run_accept(struct cli *cli, int argc, char **argv)
{
  return decide_all(cli, argc, argv, HOLD_ACCEPT, "accepted");
}

static int
run_discard(struct cli *cli, int argc, char **argv)
{
  return decide_all(cli, argc, argv, HOLD_DISCARD, "discarded");
}

static int
run_reject(struct cli *cli, int argc, char **argv)
{
  int status = decide_all(cli, argc, argv, HOLD_REJECT, "rejected");
  if (status == CLI_DONE)
    fprintf(stderr, "listward: dropped; their authors were not told, because notices cannot be sent yet%s\n", comment ? ": the comment is lost" : "");
  return status;
}

const struct cli_command held_command = {
  .name = "held", .arguments = "LIST [ID]", .summary = "what waits for a moderator: id, sender, date, rule, subject; or one message", .lists = true, .min = 1,
  .max = 2, .run = run_held,
  .help = "With an ID the message itself: on a terminal with the reason before it and without control characters, else its octets as they came.",
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
