/* `backup`: a copy of the whole database while it is in use.
 *
 * The file is begun and named by whoever calls; what is in it is written, and read for the check, by a child that has become the server's user, as every
 * command does. So root can keep backups where that user has no business. */
#include "store/backup.h"
#include "base/clock.h"
#include "cli/commands.h"
#include "queue/posting.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Below a server's. */
#define NICENESS 10

static gboolean force;

static const GOptionEntry options[] = {
  { "force", 'f', 0, G_OPTION_ARG_NONE, &force, "replace FILE if it exists", NULL },
  { NULL },
};

/* What the child tells. */
struct report {
  struct backup_figures figures;
  int64_t lists, postings;
};

static enum res
count(struct tx *tx, void *arg, GError **error)
{
  struct report *report = arg;
  struct posting_counts counts;
  g_autoptr(GPtrArray) names = NULL;
  enum res res = list_names(tx, NULL, &names, error);
  if (res == RES_OK)
    res = posting_counts(tx, 0, &counts, error);
  report->lists = names ? names->len : 0;
  report->postings = 0;
  for (int state = 0; res == RES_OK && state < POSTING_STATES; state++)
    report->postings += counts.states[state].count;
  return res;
}

static enum res
fill(struct cli *cli, struct whole_file *file, struct report *report, GError **error)
{
  int fd = whole_file_descriptor(file);
  const char *name = whole_file_path(file);
  OWN(store) store = NULL;
  enum res res = cli_store(cli, &store, error);
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* after the change of user, which forgets it */
  if (res == RES_OK)
    res = backup_make(store, file, error);
  if (res == RES_OK)
    res = backup_check(fd, name, &report->figures, error);
  return res == RES_OK ? backup_run(fd, name, count, report, error) : res;
}

/* The child's whole life. It leaves the file to its parent. */
static void G_GNUC_NORETURN
run_child(struct cli *cli, struct whole_file *file, int out)
{
  struct report report = { .lists = 0 };
  g_autoptr(GError) error = NULL;
  signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is then an error like a full disk */
  (void)setpriority(PRIO_PROCESS, 0, NICENESS);
  enum res res = fill(cli, file, &report, &error);
  if (res == RES_OK && write(out, &report, sizeof report) != (ssize_t)sizeof report)
    res = trouble(&error, REPLY_TROUBLE, "backup: the process that waits for it is gone");
  int status = cli_result(res, error);
  g_clear_error(&error);
  _exit(status);
}

/* RES_MORE: the child has said on stderr why not. */
static enum res
read_report(int in, struct report *report)
{
  ssize_t n = read(in, report, sizeof *report);
  return n == (ssize_t)sizeof *report ? RES_OK : RES_MORE;
}

static enum res
run_in_child(struct cli *cli, struct whole_file *file, struct report *report, GError **error)
{
  int ends[2];
  if (pipe(ends) != 0)
    return trouble(error, REPLY_TROUBLE, "backup: no pipe: %s", g_strerror(errno));
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    run_child(cli, file, ends[1]);
  }
  close(ends[1]);
  enum res res = child < 0 ? trouble(error, REPLY_TROUBLE, "backup: no process: %s", g_strerror(errno)) : read_report(ends[0], report);
  close(ends[0]);
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  if (res == RES_MORE && WIFSIGNALED(status))
    return trouble(error, REPLY_TROUBLE, "backup: the process that made it was ended by signal %d", WTERMSIG(status));
  return res;
}

static void
show(const struct cli *cli, const char *file, const struct report *report, int64_t took)
{
  const struct backup_figures *figures = &report->figures;
  if (cli->json) {
    cli_print_json(json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "file", file, "octets", (json_int_t)figures->octets, "milliseconds", (json_int_t)(took * 1000 / CLOCK_SECOND), "schema",
                             (json_int_t)figures->schema, "lists", (json_int_t)report->lists, "postings", (json_int_t)report->postings));
    return;
  }
  g_autofree char *name = cli_clean(file);
  cli_print("%s: %.1f MiB in %.1f seconds, schema %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT " lists, %" G_GINT64_FORMAT " postings\n", name,
            (double)figures->octets / (1024 * 1024), (double)took / (double)CLOCK_SECOND, figures->schema, report->lists, report->postings);
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc;
  g_autoptr(GError) error = NULL;
  OWN(whole_file) file = NULL;
  struct report report;
  int64_t began = clock_monotonic();
  if (strcmp(argv[0], "-") == 0)
    return cli_usage("backup: it needs a file, which it gives its name when the copy is whole and has been checked");
  enum res res = whole_file_begin(argv[0], force, &file, &error);
  if (res == RES_BAD && !force && g_file_test(argv[0], G_FILE_TEST_IS_REGULAR)) {
    cli_warn("%s: exists already; --force replaces it when the new backup is whole", argv[0]);
    return CLI_FAILED;
  }
  if (res != RES_OK)
    return cli_fail(error);
  res = run_in_child(cli, file, &report, &error);
  if (res == RES_OK)
    res = whole_file_publish(file, &error);
  if (res == RES_OK)
    show(cli, argv[0], &report, clock_monotonic() - began);
  return res == RES_MORE ? CLI_FAILED : cli_result(res, error);
}

const struct cli_command backup_command = {
  .name = "backup", .arguments = "FILE", .summary = "copy the database into FILE, while it is in use", .options = options, .lists = true, .min = 1, .max = 1, .run = run,
  .help = "FILE gets its name when the copy is whole, has been checked, and is on disk; until then what had the name is not touched. It needs no running server, and does not\n"
          "keep one from its work. `listward restore` puts it back. Run as root, it can write where the server's user cannot.",
};
