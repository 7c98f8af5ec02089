/* `queue` and `retry`: what waits, and trying it at once. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/next_hops.h"
#include "courier/workload.h"
#include "queue/delivery.h"
#include "queue/job.h"

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
    const struct row row = { name, "mail kept for a handler that does not exist yet, or for owners to come; the oldest since", job->count, job->oldest_at };
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
    g_autofree char *name = g_strdup_printf("outlet:%s", outlet->name);
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

static int
run_retry(struct cli *cli, int argc, char **argv)
{
  (void)argc, (void)argv;
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  int64_t n, total = 0;
  enum res res = cli_store(cli, &store, &error);
  do {
    n = 0;
    if (res == RES_OK)
      res = store_write(store, make_due, &n, &error);
    total += n;
  } while (res == RES_OK && n > 0);
  if (res == RES_OK)
    res = cli_tell(cli, "retry", &error); /* no server: it tries at once when it starts */
  if (res == RES_OK)
    cli_print("%" G_GINT64_FORMAT " due now\n", total);
  return cli_result(res, error);
}

const struct cli_command queue_command = {
  .name = "queue", .arguments = "", .summary = "what waits, and for what", .lists = true, .max = 0, .run = run_queue,
};
const struct cli_command retry_command = {
  .name = "retry", .arguments = "", .summary = "try everything that waits for the outlet now", .max = 0, .run = run_retry,
};
