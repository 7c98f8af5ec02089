/* The Maildir outlet: one file for each recipient, with Return-Path and Delivered-To on top and the line ends of this machine. For a look
 * at what would be sent, with no MTA at all. */
#include "base/clock.h"
#include "base/counter.h"
#include "base/token.h"
#include "outlet/outlet.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct outlet_maildir {
  struct outlet outlet;
  char *path, *hostname;
  pthread_mutex_t lock; /* for `backoff` */
  struct backoff backoff;
};

static enum res
failed(const char *what, const char *path, GError **error)
{
  return trouble(error, REPLY_TROUBLE, "%s %s: %s", what, path, g_strerror(errno));
}

static enum res
ensure_folders(const struct outlet_maildir *maildir, GError **error)
{
  static const char *const folders[] = { "tmp", "new", "cur" };
  for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
    g_autofree char *path = g_build_filename(maildir->path, folders[i], NULL);
    if (g_mkdir_with_parents(path, 0700) != 0)
      return failed("make", path, error);
  }
  return RES_OK;
}

static void
put_lines(FILE *file, struct slice octets)
{
  while (octets.n > 0) {
    struct slice line = slice_until(octets, '\n');
    octets = slice_skip(octets, line.n + 1);
    if (line.n > 0 && line.p[line.n - 1] == '\r')
      line.n--;
    fwrite(line.p, 1, line.n, file);
    putc('\n', file);
  }
}

static bool
write_copy(FILE *file, const struct transmission *mail, size_t recipient)
{
  struct slice pieces[COPY_PIECES_MAX];
  fprintf(file, "Return-Path: <%s>\nDelivered-To: %s\n", transmission_sender(mail, recipient), mail->recipients[recipient].address);
  for (size_t i = 0, n = transmission_pieces(mail, mail->as_is, recipient, pieces); i < n; i++)
    put_lines(file, pieces[i]);
  return fflush(file) == 0 && !ferror(file) && fsync(fileno(file)) == 0;
}

static enum res
deliver(const struct outlet_maildir *maildir, const struct transmission *mail, size_t recipient, GError **error)
{
  char unique[TOKEN_ID + 1];
  token_random(unique, TOKEN_ID);
  int64_t now = clock_now();
  g_autofree char *name = g_strdup_printf("%" G_GINT64_FORMAT ".M%" G_GINT64_FORMAT "P%dR%s.%s", now / CLOCK_SECOND, now % CLOCK_SECOND, (int)getpid(), unique,
                                          maildir->hostname);
  g_autofree char *tmp = g_build_filename(maildir->path, "tmp", name, NULL), *new = g_build_filename(maildir->path, "new", name, NULL);
  int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return failed("make", tmp, error);
  FILE *file = fdopen(fd, "w");
  if (file == NULL) {
    close(fd);
    return failed("make", tmp, error);
  }
  bool written = write_copy(file, mail, recipient);
  written = fclose(file) == 0 && written;
  if (written && rename(tmp, new) == 0)
    return RES_OK;
  enum res res = failed("write", tmp, error);
  (void)unlink(tmp);
  return res;
}

static enum res
sync_folder(const struct outlet_maildir *maildir, GError **error)
{
  g_autofree char *path = g_build_filename(maildir->path, "new", NULL);
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return failed("open", path, error);
  enum res res = fsync(fd) == 0 ? RES_OK : failed("sync", path, error);
  close(fd);
  return res;
}

static void
settle_written(struct transmission *mail, int reply)
{
  for (size_t i = 0; i < mail->n; i++)
    if (mail->recipients[i].accepted) {
      mail->recipients[i].outcome = OUTCOME_SENT;
      mail->recipients[i].reply = reply;
    }
}

/* Nobody counts as sent to before the folder is on disk. */
static enum res
write_all(const struct outlet_maildir *maildir, struct transmission *mail, GError **error)
{
  enum res res = ensure_folders(maildir, error);
  for (size_t i = 0; i < mail->n && res == RES_OK; i++) {
    struct transmission_recipient *recipient = &mail->recipients[i];
    if (recipient->outcome != OUTCOME_PENDING)
      continue;
    res = deliver(maildir, mail, i, error);
    recipient->accepted = res == RES_OK;
  }
  g_autoptr(GError) unsynced = NULL;
  if (sync_folder(maildir, &unsynced) == RES_OK)
    settle_written(mail, transmission_reply(mail, g_strdup_printf("written to %s", maildir->path)));
  else if (res == RES_OK) {
    g_propagate_error(error, g_steal_pointer(&unsynced));
    res = RES_TEMP;
  }
  return res;
}

static void
note(struct outlet_maildir *maildir, const char *trouble)
{
  pthread_mutex_lock(&maildir->lock);
  if (trouble == NULL) {
    int64_t after = backoff_reached(&maildir->backoff, clock_now());
    if (after >= 0)
      outlet_tell_reached(&maildir->outlet, NULL, after);
  } else if (backoff_failed(&maildir->backoff, trouble, clock_now(), clock_monotonic()))
    outlet_tell_unreached(&maildir->outlet, NULL, &maildir->backoff);
  pthread_mutex_unlock(&maildir->lock);
}

static enum outlet_result
maildir_send(struct outlet *outlet, struct transmission *mail, GError **error)
{
  struct outlet_maildir *maildir = (struct outlet_maildir *)outlet;
  g_autoptr(GError) cause = NULL;
  enum res res = write_all(maildir, mail, &cause);
  note(maildir, res == RES_OK ? NULL : cause->message);
  if (res == RES_OK)
    return OUTLET_DONE;
  counter_add(COUNTER_OUTLET_DOWN, 1);
  g_propagate_error(error, g_steal_pointer(&cause));
  return OUTLET_DOWN;
}

static int
maildir_room(struct outlet *outlet, int64_t now, int64_t *again)
{
  struct outlet_maildir *maildir = (struct outlet_maildir *)outlet;
  pthread_mutex_lock(&maildir->lock);
  bool down = backoff_is_down(&maildir->backoff), over = backoff_is_over(&maildir->backoff, now);
  *again = over ? INT64_MAX : maildir->backoff.until;
  pthread_mutex_unlock(&maildir->lock);
  return !down ? outlet->connections : over ? 1 : 0;
}

static void
maildir_retry(struct outlet *outlet)
{
  struct outlet_maildir *maildir = (struct outlet_maildir *)outlet;
  pthread_mutex_lock(&maildir->lock);
  backoff_retry(&maildir->backoff);
  pthread_mutex_unlock(&maildir->lock);
}

static void
maildir_state(struct outlet *outlet, GArray *hops)
{
  struct outlet_maildir *maildir = (struct outlet_maildir *)outlet;
  pthread_mutex_lock(&maildir->lock);
  struct hop_state state = outlet_hop_state(outlet, maildir->path, &maildir->backoff);
  pthread_mutex_unlock(&maildir->lock);
  state.window = outlet->connections;
  g_array_append_val(hops, state);
}

static void
maildir_free(struct outlet *outlet)
{
  struct outlet_maildir *maildir = (struct outlet_maildir *)outlet;
  pthread_mutex_destroy(&maildir->lock);
  g_free(maildir->path);
  g_free(maildir->hostname);
  g_free(maildir);
}

static const struct outlet_ops maildir_ops = {
  .send = maildir_send, .room = maildir_room, .retry = maildir_retry, .state = maildir_state, .free = maildir_free,
};

struct outlet *
outlet_maildir_new(const struct outlet_options *options, GError **error)
{
  if (options->path == NULL || options->path[0] == '\0') {
    g_autofree char *section = outlet_section(options->section);
    (void)!refuse(error, REPLY_TROUBLE, "%s path: a Maildir needs one", section);
    return NULL;
  }
  struct outlet_maildir *maildir = g_new0(struct outlet_maildir, 1);
  outlet_init(&maildir->outlet, &maildir_ops, options, options->path);
  pthread_mutex_init(&maildir->lock, NULL);
  maildir->path = g_strdup(options->path);
  maildir->hostname = g_strdelimit(g_strdup(options->hostname), "/:", '_');
  return &maildir->outlet;
}
