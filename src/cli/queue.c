/* `queue` and `retry`: what waits, and trying it at once. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/next_hops.h"
#include "courier/workload.h"
#include "queue/delivery.h"
#include "queue/job.h"
#include "queue/set_aside.h"
#include "queue/suspect.h"
#include <string.h>

/* Rows that `retry` touches in one transaction. */
#define SLICE_SIZE 200

/* Postings set aside that are shown each. */
#define SET_ASIDE_SHOWN 100

static char **hold_codes;

static const GOptionEntry retry_options[] = {
  { "hold", 0, 0, G_OPTION_ARG_STRING_ARRAY, &hold_codes, "give this posting, which is set aside, to its list's moderators; may be repeated", "ID" },
  { NULL },
};

struct waiting {
  int64_t now;
  struct posting_counts postings;
  struct delivery_counts deliveries;
  struct workload workload;
  GPtrArray *jobs;    /* struct job_count */
  GPtrArray *outlets; /* struct delivery_outlet */
  struct set_aside_counts set_aside;
  GPtrArray *set_aside_postings; /* struct set_aside_posting */
};

static enum res
read_waiting(struct tx *tx, void *arg, GError **error)
{
  struct waiting *waiting = arg;
  enum res res = posting_counts(tx, 0, &waiting->postings, error);
  if (res == RES_OK)
    res = delivery_counts(tx, &waiting->deliveries, error);
  if (res == RES_OK)
    res = workload_read(tx, waiting->now, &waiting->workload, error);
  if (res == RES_OK)
    res = job_counts(tx, &waiting->jobs, error);
  if (res == RES_OK)
    res = delivery_outlets(tx, &waiting->outlets, error);
  if (res == RES_OK)
    res = set_aside_count(tx, &waiting->set_aside, error);
  if (res == RES_OK)
    res = set_aside_postings(tx, SET_ASIDE_SHOWN, &waiting->set_aside_postings, error);
  return res;
}

struct row {
  const char *name, *meaning;
  int64_t count, at; /* at 0: no time to show */
};

static void
show(const struct row *row, json_t *all)
{
  g_autofree char *at = row->at ? cli_time(row->at, all != NULL) : g_strdup("");
  if (all)
    json_array_append_new(all, json_pack("{s:s, s:s, s:I, s:s}", "queue", row->name, "meaning", row->meaning, "count", (json_int_t)row->count, "at", at));
  else if (row->count)
    cli_print("%-20s %8" G_GINT64_FORMAT "  %s%s%s\n", row->name, row->count, row->meaning, at[0] ? " " : "", at);
}

/* Why mail to a role address is kept. */
static const char *
kept_meaning(const char *kind)
{
  if (strcmp(kind, "owner") == 0 || strcmp(kind, "postmaster") == 0)
    return "mail for owners that there are none of; the oldest since";
  if (strcmp(kind, "bounces") == 0)
    return "mail that came back, and not known about whom; the oldest since";
  return "mail for a handler that does not exist yet; the oldest since";
}

static int64_t
show_all(const struct waiting *waiting, json_t *all)
{
  const struct workload *load = &waiting->workload;
  const struct row rows[] = {
    { "held", "wait for a moderator; the oldest since", waiting->postings.states[POSTING_HELD].count, waiting->postings.states[POSTING_HELD].oldest_at },
    { "deliveries", "postings on their way out; the oldest since", waiting->deliveries.open, waiting->deliveries.oldest_at },
    { "sending", "recipients or chunks in hand", load->chunks_sending + load->recipients_sending, 0 },
    { "chunks", "whole chunks to be tried again", load->chunks_waiting, 0 },
    { "recipients", "recipients to be tried again; the next at", load->recipients_waiting, load->next_at },
    { "set-aside", "postings; the server died each time they were tried: `listward retry` tries them once more", waiting->set_aside.deliveries, 0 },
    { "set-aside:incoming", "messages refused for now, because the server died each time it judged them; likewise", waiting->set_aside.messages, 0 },
    { "set-aside:kept", "kept messages (below) that the server died with each time; likewise", waiting->set_aside.jobs, 0 },
  };
  int64_t total = 0;
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    show(&rows[i], all);
    total += rows[i].count;
  }
  for (guint i = 0; i < waiting->jobs->len; i++) {
    const struct job_count *job = g_ptr_array_index(waiting->jobs, i);
    g_autofree char *name = g_strdup_printf("kept:%s", job->kind);
    const struct row row = { name, kept_meaning(job->kind), job->count, job->oldest_at };
    show(&row, all);
    total += job->count;
  }
  return total;
}

/* Which: for `retry --hold`. */
static void
show_set_aside(const GPtrArray *postings, json_t *all)
{
  for (guint i = 0; i < postings->len; i++) {
    const struct set_aside_posting *posting = g_ptr_array_index(postings, i);
    g_autofree char *at = cli_time(posting->received_at, all != NULL), *sender = cli_clean(posting->sender), *subject = cli_clean(posting->subject);
    if (all)
      json_array_append_new(all, json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s}", "queue", "set-aside:posting", "meaning", "one of those that are set aside", "count", 1,
                                           "at", at, "id", posting->code, "list", posting->list, "sender", sender, "subject", subject));
    else
      cli_print("  set aside: %s  %s  %s  %s  %s\n", posting->code, posting->list, sender, at, subject);
  }
}

/* What of the deliveries goes by which outlet, if any goes by another than the default one. */
static void
show_outlets(const GPtrArray *outlets, json_t *all)
{
  for (guint i = 0; i < outlets->len; i++) {
    const struct delivery_outlet *outlet = g_ptr_array_index(outlets, i);
    if (outlets->len == 1 && outlet->name[0] == '\0')
      continue;
    g_autofree char *name = g_strdup_printf("outlet%s%s", outlet->name[0] ? ":" : "", outlet->name);
    show(&(struct row){ name, "of these deliveries go by this outlet; the oldest since", outlet->open, outlet->oldest_at }, all);
  }
}

/* What a running server does not reach. */
static void
show_down(struct cli *cli, json_t *all)
{
  g_autoptr(GPtrArray) lines = NULL;
  if (cli_ask(cli, "status", &lines, NULL) != RES_OK)
    return;
  json_t *hops = next_hops_of(lines, all != NULL), *hop;
  size_t i;
  json_array_foreach(hops, i, hop) {
    if (json_is_true(json_object_get(hop, "up")))
      continue;
    g_autofree char *name = next_hop_name(hop), *text = next_hop_text(hop), *meaning = g_strdup_printf("%s: %s", name, text);
    show(&(struct row){ "next-hop", meaning, 1, 0 }, all);
  }
  json_decref(hops);
}

static int
run_queue(struct cli *cli, int argc, char **argv)
{
  (void)argc, (void)argv;
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  struct waiting waiting = { .now = clock_now() };
  enum res res = cli_store(cli, &store, &error);
  if (res == RES_OK)
    res = store_read(store, read_waiting, &waiting, &error);
  if (res != RES_OK)
    return cli_fail(error);
  json_t *all = cli->json ? json_array() : NULL;
  if (show_all(&waiting, all) == 0 && !all)
    cli_print("nothing waits\n");
  show_set_aside(waiting.set_aside_postings, all);
  show_outlets(waiting.outlets, all);
  show_down(cli, all);
  g_ptr_array_unref(waiting.jobs);
  g_ptr_array_unref(waiting.outlets);
  g_ptr_array_unref(waiting.set_aside_postings);
  if (all)
    cli_print_json(all);
  return CLI_DONE;
}

static enum res
forgive(struct tx *tx, void *arg, GError **error)
{
  return suspects_forgive(tx, arg, error);
}

static enum res
hold_one(struct tx *tx, void *arg, GError **error)
{
  return set_aside_hold(tx, arg, clock_now(), error);
}

/* `retry --hold`: each for itself, as `accept` does it. */
static int
hold_all(struct cli *cli, struct store *store)
{
  g_autoptr(GError) error = NULL;
  int status = CLI_DONE, count = 0;
  for (char **code = hold_codes; *code; code++) {
    g_autoptr(GError) problem = NULL;
    if (store_write(store, hold_one, *code, &problem) != RES_OK)
      status = cli_fail(problem);
    else
      count++;
  }
  if (count)
    cli_print("%d held for the moderators\n", count);
  return cli_changed(cli, &error) == RES_OK ? status : cli_fail(error);
}

static enum res
make_due(struct tx *tx, void *arg, GError **error)
{
  return workload_retry(tx, SLICE_SIZE, arg, error);
}

/* All that will be due: chunks that wait for a next hop alone are that already, and are tried anew all the same. */
static enum res
count_waiting(struct tx *tx, void *arg, GError **error)
{
  int64_t *n = arg;
  struct workload load;
  struct delivery_counts deliveries;
  enum res res = workload_read(tx, clock_now(), &load, error);
  if (res == RES_OK)
    res = delivery_counts(tx, &deliveries, error);
  if (res == RES_OK)
    *n = load.chunks_waiting + load.recipients_waiting + deliveries.set_aside;
  return res;
}

static int
run_retry(struct cli *cli, int argc, char **argv)
{
  (void)argc, (void)argv;
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  int64_t waiting = 0, n = 1, forgiven = 0;
  enum res res = cli_store(cli, &store, &error);
  if (res == RES_OK && hold_codes)
    return hold_all(cli, store);
  if (res == RES_OK)
    res = store_read(store, count_waiting, &waiting, &error);
  /* What a server refuses again meanwhile is not made due a second time. */
  for (int64_t left = waiting; res == RES_OK && n > 0 && left > -SLICE_SIZE; left -= n)
    res = store_write(store, make_due, &n, &error);
  if (res == RES_OK)
    res = store_write(store, forgive, &forgiven, &error);
  if (res == RES_OK)
    res = cli_tell(cli, "retry", &error); /* no server: it tries at once when it starts */
  if (res == RES_OK)
    cli_print("%" G_GINT64_FORMAT " due now\n", waiting + forgiven);
  return cli_result(res, error);
}

const struct cli_command queue_command = {
  .name = "queue", .arguments = "", .summary = "what waits, and for what", .lists = true, .max = 0, .run = run_queue,
  .help = "A line for each kind of what waits: its name, how many, what for, since or until when. Where lists have outlets of their own, how many postings go by\n"
          "which; if a server runs, also the next hops that it does not reach.",
};
const struct cli_command retry_command = {
  .name = "retry", .arguments = "", .summary = "try everything that waits for the outlet now", .options = retry_options, .max = 0, .run = run_retry,
  .help = "Also what was set aside; with --hold ID only that is done: the posting goes to its list's moderators instead. Next hops that are down are tried at once. Prints how many chunks, recipients and set-aside postings are due now.",
};
