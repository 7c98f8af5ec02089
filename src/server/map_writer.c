/* Turns: who stirs asks for one more, and the thread, when it begins, takes all that were asked for until then. So many changes at a time cost one writing, or two. */
#include "server/map_writer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "list/list_locals.h"
#include "mta/maps.h"

#define RETRY_FIRST CLOCK_MINUTE
#define RETRY_MAX (60 * CLOCK_MINUTE)
/* Octets of a failure that whoever waits is told: it travels in a line. */
#define ANSWER_MAX 500

/* What a turn is to do. */
struct turn {
  bool rewrite; /* look at the files even if no list has changed */
  bool command; /* run it even if no file has changed */
};

struct map_writer {
  struct store *store;
  struct live_config *live;
  struct helper *helper; /* NULL: no command */
  size_t number;
  struct list_locals_mark mark; /* of the last writing; the thread's own */

  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t asked_for, ended;
  uint64_t asked, done; /* turns */
  struct turn next;     /* what the next one is to do */
  int64_t retry_at;     /* monotonic; INT64_MAX: nothing failed */
  int64_t retry_wait;
  char *failure;        /* of the last turn; NULL: it was good */
  bool stop;
};

/* --- a turn --- */

struct look {
  const struct list_locals_mark *before;
  struct list_locals_mark now;
  bool changed;
};

/* A store_fn. */
static enum res
look_for_changes(struct tx *tx, void *arg, GError **error)
{
  struct look *look = arg;
  return list_locals_mark(tx, look->before, &look->now, &look->changed, error);
}

static void
count_changed(void *ctx, const struct map_kind *kind, bool changed)
{
  int64_t *n = ctx;
  (void)kind;
  *n += changed;
}

static enum res
write_files(struct map_writer *writer, const struct config *config, const char *folder, GError **error)
{
  const struct maps_options options = { .folder = folder, .owe_command = writer->helper != NULL };
  int64_t changed = 0, began = clock_monotonic();
  OWN(installation) installation = NULL;
  enum res res = installation_read(config, NULL, &installation, error);
  if (res == RES_OK)
    res = maps_write(installation, writer->store, &options, count_changed, &changed, error);
  if (res == RES_OK && changed)
    log_note("maps written", log_str("folder", folder), log_int("changed", changed), log_int("milliseconds", (clock_monotonic() - began) * 1000 / CLOCK_SECOND));
  return res;
}

static enum res
run_command(struct map_writer *writer, const char *folder, GError **error)
{
  int64_t began = clock_monotonic();
  enum res res = helper_run(writer->helper, writer->number, NULL, (struct slice){ NULL, 0 }, NULL, error);
  if (res != RES_OK)
    return res;
  maps_command_done(folder);
  log_note("[mta] command has run", log_int("milliseconds", (clock_monotonic() - began) * 1000 / CLOCK_SECOND));
  return RES_OK;
}

static enum res
take_turn(struct map_writer *writer, struct turn turn, GError **error)
{
  const struct config *config = live_config_acquire(writer->live);
  g_autofree char *folder = config_path(config, config->mta_maps);
  struct look look = { .before = &writer->mark };
  enum res res = store_read(writer->store, look_for_changes, &look, error);
  if (res == RES_OK && (look.changed || turn.rewrite))
    res = write_files(writer, config, folder, error);
  if (res == RES_OK)
    writer->mark = look.now;
  live_config_release(writer->live, config);
  if (res == RES_OK && writer->helper && (turn.command || maps_command_is_owed(folder)))
    res = run_command(writer, folder, error);
  return res;
}

/* --- the thread --- */

/* Lock held. A turn that failed is taken again as a whole. */
static void
end_turn(struct map_writer *writer, struct turn turn, enum res res, const GError *error)
{
  g_free(writer->failure);
  writer->failure = res == RES_OK ? NULL : g_strdup(error->message);
  writer->retry_wait = res == RES_OK ? 0 : writer->retry_wait ? MIN(2 * writer->retry_wait, RETRY_MAX) : RETRY_FIRST;
  writer->retry_at = res == RES_OK ? INT64_MAX : clock_monotonic() + writer->retry_wait;
  if (res != RES_OK) {
    writer->next.rewrite |= turn.rewrite;
    writer->next.command |= turn.command;
    if (!writer->stop) /* what is owed is known to the next start */
      log_alarm("the MTA's maps are not as they should be", log_err(error), log_int("again_in_seconds", writer->retry_wait / CLOCK_SECOND));
  }
}

/* Lock held. False: stopped. */
static bool
wait_for_turn(struct map_writer *writer)
{
  while (!writer->stop && writer->asked == writer->done && clock_monotonic() < writer->retry_at) {
    struct timespec until = thread_deadline(writer->retry_at);
    if (writer->retry_at == INT64_MAX)
      pthread_cond_wait(&writer->asked_for, &writer->lock);
    else
      pthread_cond_clockwait(&writer->asked_for, &writer->lock, CLOCK_MONOTONIC, &until);
  }
  return !writer->stop;
}

static void *
map_writer_thread(void *data)
{
  struct map_writer *writer = data;
  pthread_mutex_lock(&writer->lock);
  while (wait_for_turn(writer)) {
    uint64_t asked = writer->asked;
    struct turn turn = writer->next;
    writer->next = (struct turn){ .rewrite = false };
    pthread_mutex_unlock(&writer->lock);
    g_autoptr(GError) error = NULL;
    enum res res = take_turn(writer, turn, &error);
    pthread_mutex_lock(&writer->lock);
    end_turn(writer, turn, res, error);
    writer->done = asked;
    pthread_cond_broadcast(&writer->ended);
  }
  pthread_mutex_unlock(&writer->lock);
  return NULL;
}

/* --- from outside --- */

/* Lock held. The number of the turn. */
static uint64_t
ask(struct map_writer *writer, struct turn turn)
{
  writer->next.rewrite |= turn.rewrite;
  writer->next.command |= turn.command;
  pthread_cond_signal(&writer->asked_for);
  return ++writer->asked;
}

static void
ask_unlocked(struct map_writer *writer, struct turn turn)
{
  if (writer == NULL)
    return;
  pthread_mutex_lock(&writer->lock);
  (void)ask(writer, turn);
  pthread_mutex_unlock(&writer->lock);
}

void
map_writer_stir(struct map_writer *writer)
{
  ask_unlocked(writer, (struct turn){ .rewrite = false });
}

void
map_writer_reload(struct map_writer *writer)
{
  ask_unlocked(writer, (struct turn){ .rewrite = true });
}

enum res
map_writer_wait(struct map_writer *writer, bool again, int64_t deadline, GError **error)
{
  struct timespec until = thread_deadline(deadline);
  int rc = 0;
  pthread_mutex_lock(&writer->lock);
  uint64_t turn = again ? ask(writer, (struct turn){ .rewrite = true, .command = true }) : writer->asked;
  while (writer->done < turn && !writer->stop && rc == 0)
    rc = pthread_cond_clockwait(&writer->ended, &writer->lock, CLOCK_MONOTONIC, &until);
  enum res res = RES_OK;
  if (writer->done < turn)
    res = trouble(error, REPLY_TROUBLE, "the maps in [mta] maps are still being written, or [mta] command has not ended");
  else if (writer->failure)
    res = trouble(error, REPLY_TROUBLE, "%.*s", ANSWER_MAX, writer->failure);
  pthread_mutex_unlock(&writer->lock);
  return res;
}

static void
release(struct map_writer *writer)
{
  pthread_cond_destroy(&writer->asked_for);
  pthread_cond_destroy(&writer->ended);
  pthread_mutex_destroy(&writer->lock);
  g_free(writer->failure);
  g_free(writer);
}

enum res
map_writer_start(struct store *store, struct live_config *live, struct helper *helper, size_t number, struct map_writer **writer, GError **error)
{
  struct map_writer *made = g_new(struct map_writer, 1);
  *made = (struct map_writer){ .store = store, .live = live, .helper = helper, .number = number, .asked = 1, .retry_at = INT64_MAX };
  pthread_mutex_init(&made->lock, NULL);
  pthread_cond_init(&made->asked_for, NULL);
  pthread_cond_init(&made->ended, NULL);
  if (!thread_start(&made->thread, map_writer_thread, made)) {
    release(made);
    return trouble(error, REPLY_TROUBLE, "no thread for [mta] maps");
  }
  *writer = made;
  return RES_OK;
}

void
map_writer_free(struct map_writer *writer)
{
  if (writer == NULL)
    return;
  pthread_mutex_lock(&writer->lock);
  writer->stop = true;
  pthread_cond_signal(&writer->asked_for);
  pthread_cond_broadcast(&writer->ended);
  pthread_mutex_unlock(&writer->lock);
  pthread_join(writer->thread, NULL);
  release(writer);
}
