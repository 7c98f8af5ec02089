/* `restore`: puts a backup in the place of the database.
 *
 * The file is opened by whoever calls, since root's backups may be closed to the server's user; all else is done as that user, so that what is made is the server's.
 * The database that was there is kept under another name, with its log. */
#include "base/clock.h"
#include "base/privilege.h"
#include "cli/commands.h"
#include "queue/delivery.h"
#include "store/backup.h"
#include "store/replacement.h"
#include "store/state_lock.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean send_again;

static const GOptionEntry options[] = {
  { "send-again", 0, 0, G_OPTION_ARG_NONE, &send_again, "what was on its way when the backup was made goes out when the server starts", NULL },
  { NULL },
};

struct restoring {
  struct cli *cli;
  const char *name;
  int fd;     /* of the backup */
  int lock;   /* on state_dir; -1: not taken */
  char *path; /* of the database */
  char *kept; /* where the one that was there is kept; NULL: there was none */
  struct backup_figures figures;
  int64_t open; /* deliveries that were on their way */
};

/* It may have been sent since: nobody gets it twice unless the operator wants that. */
static enum res
set_open_aside(struct tx *tx, void *arg, GError **error)
{
  struct restoring *restoring = arg;
  struct delivery_counts counts;
  enum res res = delivery_counts(tx, &counts, error);
  if (res != RES_OK)
    return res;
  restoring->open = counts.open;
  return send_again ? RES_OK : delivery_set_all_aside(tx, error);
}

static enum res
fetch(struct restoring *restoring, struct whole_file *file, GError **error)
{
  int fd = whole_file_descriptor(file);
  enum res res = backup_fetch(restoring->fd, file, error);
  if (res == RES_OK)
    res = backup_check(fd, restoring->name, &restoring->figures, error);
  return res == RES_OK ? backup_run(fd, restoring->name, set_open_aside, restoring, error) : res;
}

/* What the last server died with is not of this database. */
static enum res
forget_in_hand(const struct config *config, GError **error)
{
  g_autofree char *path = config_path(config, "in-hand");
  return unlink(path) == 0 || errno == ENOENT ? RES_OK : file_trouble(path, "taking it away", error);
}

static enum res
restore(struct restoring *restoring, GError **error)
{
  const struct config *config = restoring->cli->config;
  OWN(whole_file) file = NULL;
  enum res res = privilege_drop(config->user, config->state_dir, error);
  if (res == RES_OK)
    res = state_lock_take(config->state_dir, &restoring->lock, error);
  if (res == RES_OK)
    res = store_path(config->database_url, config->state_dir, &restoring->path, error);
  if (res == RES_OK)
    res = whole_file_begin(restoring->path, true, &file, error);
  if (res == RES_OK)
    res = fetch(restoring, file, error);
  if (res == RES_OK)
    res = forget_in_hand(config, error);
  return res == RES_OK ? replacement_make(file, &restoring->kept, error) : res;
}

static void
show(const struct restoring *restoring)
{
  g_autofree char *name = cli_clean(restoring->name);
  cli_print("%s: restored, schema %" G_GINT64_FORMAT "\n", name, restoring->figures.schema);
  if (restoring->kept)
    cli_print("the database that was there: %s\n", restoring->kept);
  if (restoring->open == 0)
    return;
  if (send_again)
    cli_print("%" G_GINT64_FORMAT " postings were on their way when the backup was made; they go on when the server starts\n", restoring->open);
  else
    cli_print("%" G_GINT64_FORMAT " postings were on their way when the backup was made, and may have arrived since: they are set aside; `listward retry` sends them\n",
              restoring->open);
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc;
  struct restoring restoring = { .cli = cli, .name = argv[0], .lock = -1 };
  g_autoptr(GError) error = NULL;
  struct stat status;
  signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is then an error like a full disk */
  restoring.fd = open(argv[0], O_RDONLY | O_CLOEXEC);
  enum res res;
  if (restoring.fd < 0 || fstat(restoring.fd, &status) != 0)
    res = file_trouble(argv[0], "opening the backup", &error);
  else if (!S_ISREG(status.st_mode))
    res = refuse(&error, REPLY_TROUBLE, "%s: is no regular file", argv[0]);
  else
    res = restore(&restoring, &error);
  if (res == RES_OK)
    show(&restoring);
  if (restoring.fd >= 0)
    close(restoring.fd);
  if (restoring.lock >= 0)
    close(restoring.lock);
  g_free(restoring.path);
  g_free(restoring.kept);
  return cli_result(res, error);
}

const struct cli_command restore_command = {
  .name = "restore", .arguments = "FILE", .summary = "put a backup in the place of the database; no server may run", .options = options, .min = 1, .max = 1, .run = run,
  .help = "FILE is checked first. The database that was there is kept under another name, which is printed. Postings that were on their way when the backup was made may have\n"
          "arrived since, so they are set aside: `listward queue` counts them, `listward retry` sends them to whom the backup knows no delivery. Postings that came in after\n"
          "the backup was made are not in it.",
};
