/* `addmembers`: many at once, in slices that leave a running server its turn. */
#include "base/clock.h"
#include "base/crash_point.h"
#include "cli/commands.h"
#include "cli/member_lines.h"
#include "cli/member_option.h"
#include "cli/notice_option.h"
#include "cli/open_list.h"
#include "list/member_batch.h"
#include <stdio.h>
#include <unistd.h>

/* Lines read at a time. */
#define SLICE_SIZE 4000
/* A transaction ends when it has taken so long: under 50 ms of the writer. */
#define SLICE_TIME (35 * CLOCK_SECOND / 1000)
/* The clock is looked at once in so many members. */
#define CLOCK_EVERY 16

static char *delivery, *role_name;
static gboolean invite;

static const GOptionEntry options[] = {
  DELIVERY_OPTION(delivery),
  ROLE_OPTION(role_name),
  { "invite", 'i', 0, G_OPTION_ARG_NONE, &invite, "invite them; cannot be done yet", NULL },
  NOTICE_OPTIONS("welcome-msg", 'w', 'W', "a welcome message"),
  { NULL },
};

struct adding {
  const struct list *list;
  enum member_role role;
  const struct delivery_choice *delivery;
  GPtrArray *slice;
  guint from; /* of the slice: behind what is committed */
  /* of the transaction at hand; the write function sets them anew */
  guint taken;
  int64_t added, already;
  GPtrArray *problems; /* char * */
};

static enum res
add_one(struct member_batch *batch, struct adding *adding, const struct member_line *line, int64_t now, GError **error)
{
  const struct member_new new = {
    .list_id = adding->list->id, .role = adding->role, .address = line->address, .name = line->name,
    .mode = adding->delivery->mode, .status = adding->delivery->status, .now = now,
  };
  g_autoptr(GError) problem = NULL;
  bool added = false;
  enum res res = member_batch_add(batch, &new, &added, &problem);
  if (res == RES_TEMP) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return res;
  }
  if (res == RES_BAD)
    g_ptr_array_add(adding->problems, g_strdup_printf("line %" G_GINT64_FORMAT ": %s", line->number, problem->message));
  else if (added)
    adding->added++;
  else
    adding->already++;
  return RES_OK;
}

/* As many as the time allows, one at least. */
static enum res
add_some(struct tx *tx, void *arg, GError **error)
{
  struct adding *adding = arg;
  adding->added = adding->already = adding->taken = 0;
  g_ptr_array_set_size(adding->problems, 0);
  int64_t now = clock_now(), end = clock_monotonic() + SLICE_TIME;
  OWN(member_batch) batch = NULL;
  enum res res = member_batch_begin(tx, adding->list->id, &batch, error);
  for (guint i = adding->from; res == RES_OK && i < adding->slice->len; i++) {
    res = add_one(batch, adding, g_ptr_array_index(adding->slice, i), now, error);
    if (++adding->taken % CLOCK_EVERY == 0 && clock_monotonic() >= end)
      break;
  }
  if (res == RES_OK)
    res = member_batch_end(batch, error);
  CRASH_POINT("addmembers-slice-written");
  return res;
}

struct totals {
  int64_t added, already, bad;
};

static void
show_progress(const struct member_lines *lines, const struct totals *totals, bool last)
{
  if (!isatty(STDERR_FILENO))
    return;
  double part = member_lines_progress(lines);
  int width = part < 0 ? 0 : (int)(part * 40);
  fprintf(stderr, "\r[%-40.*s] %" G_GINT64_FORMAT " added%s", width, "########################################", totals->added, last ? "\n" : "");
}

static void
report(const struct adding *adding, struct totals *totals)
{
  totals->added += adding->added;
  totals->already += adding->already;
  totals->bad += adding->problems->len;
  for (guint i = 0; i < adding->problems->len; i++)
    cli_warn("%s", (const char *)g_ptr_array_index(adding->problems, i));
}

static enum res
add_slice(struct store *store, struct adding *adding, const struct member_lines *lines, struct totals *totals, GError **error)
{
  for (adding->from = 0; adding->from < adding->slice->len; adding->from += adding->taken) {
    enum res res = store_write(store, add_some, adding, error);
    if (res != RES_OK)
      return res;
    CRASH_POINT("addmembers-slice-committed");
    report(adding, totals);
    show_progress(lines, totals, false);
  }
  return RES_OK;
}

static enum res
add_all(struct store *store, struct adding *adding, struct member_lines *lines, struct totals *totals, GError **error)
{
  for (;;) {
    g_autoptr(GPtrArray) slice = member_lines_slice(lines, SLICE_SIZE);
    if (slice->len == 0)
      break;
    adding->slice = slice;
    enum res res = add_slice(store, adding, lines, totals, error);
    if (res != RES_OK)
      return res;
  }
  show_progress(lines, totals, true);
  return member_lines_end(lines, error);
}

static int
add_file(struct cli *cli, const char *path, const char *list_name, struct adding *adding)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
  OWN(store) store = NULL;
  OWN(list) list = NULL;
  OWN(member_lines) lines = NULL;
  struct totals totals = { 0 };
  enum res res = cli_open_list(cli, list_name, &store, &list, &error);
  if (res == RES_OK)
    res = store_room(store, cli->config->min_free_space, 0, &error);
  if (res == RES_OK)
    res = member_lines_open(path, &lines, &error);
  if (res != RES_OK)
    return cli_fail(error);
  adding->list = list;
  adding->problems = problems;
  res = add_all(store, adding, lines, &totals, &error);
  if (res == RES_OK)
    res = cli_changed(cli, &error);
  cli_print("%" G_GINT64_FORMAT " added, %" G_GINT64_FORMAT " were there already, %" G_GINT64_FORMAT " bad lines\n", totals.added, totals.already, totals.bad);
  if (totals.bad)
    cli_warn("a line holds one address, or Name <address>");
  return res == RES_OK && totals.bad ? CLI_FAILED : cli_result(res, error);
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc;
  if (invite)
    return cli_usage("addmembers: invitations cannot be sent yet; without -i they are added at once");
  int role = role_option_value("addmembers", role_name);
  const struct delivery_choice *choice = role < 0 ? NULL : delivery_option_value("addmembers", delivery);
  if (choice == NULL)
    return CLI_USAGE;
  struct adding adding = { .role = (enum member_role)role, .delivery = choice };
  return add_file(cli, argv[0], argv[1], &adding);
}

const struct cli_command addmembers_command = {
  .name = "addmembers", .arguments = "FILE LIST", .summary = "add members from a file, one a line", .options = options, .min = 2, .max = 2, .run = run,
  .help = "FILE holds an address or `Name <address>` a line; - is standard input. Bad lines are reported by number, the good ones are added;\n"
          "the exit status is then 1.",
};
