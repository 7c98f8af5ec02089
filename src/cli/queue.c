/* `queue` and `retry`: what waits, and trying it at once. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/next_hops.h"
#include "courier/workload.h"
#include "queue/delivery.h"
#include "queue/job.h"
#include <string.h>

/* Rows that `retry` touches in one transaction. */
#define SLICE_SIZE 200

struct waiting {
  int64_t now;
  struct posting_counts postings;
  struct delivery_counts deliveries;
  struct workload workload;
  GPtrArray *jobs;    /* struct job_count */
  GPtrArray *outlets; /* struct delivery_outlet */
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
    { "set-aside", "the server died each time they were tried: `listward retry` tries them once more", waiting->deliveries.set_aside, 0 },
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
  show_outlets(waiting.outlets, all);
  show_down(cli, all);
  g_ptr_array_unref(waiting.jobs);
  g_ptr_array_unref(waiting.outlets);
  if (all)
    cli_print_json(all);
  return CLI_DONE;
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
  int64_t waiting = 0, n = 1;
  enum res res = cli_store(cli, &store, &error);
  if (res == RES_OK)
    res = store_read(store, count_waiting, &waiting, &error);
  /* What a server refuses again meanwhile is not made due a second time. */
  for (int64_t left = waiting; res == RES_OK && n > 0 && left > -SLICE_SIZE; left -= n)
    res = store_write(store, make_due, &n, &error);
  if (res == RES_OK)
    res = cli_tell(cli, "retry", &error); /* no server: it tries at once when it starts */
  if (res == RES_OK)
    cli_print("%" G_GINT64_FORMAT " due now\n", waiting);
  return cli_result(res, error);
}

const struct cli_command queue_command = {
  .name = "queue", .arguments = "", .summary = "what waits, and for what", .lists = true, .max = 0, .run = run_queue,
  .help = "A line for each kind of what waits: its name, how many, what for, since or until when. Where lists have outlets of their own, how many postings go by\n"
          "which; if a server runs, also the next hops that it does not reach.",
};
const struct cli_command retry_command = {
  .name = "retry", .arguments = "", .summary = "try everything that waits for the outlet now", .max = 0, .run = run_retry,
  .help = "Also what was set aside. Next hops that are down are tried at once. Prints how many chunks, recipients and set-aside postings are due now.",
};
