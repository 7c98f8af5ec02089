#include "store/checkpointer.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/thread.h"
#include "store/checkpoint.h"
#include <limits.h>

/* Pages of 4 KiB. */
#define STEP 4000       /* carried over beside the writers whenever the WAL has grown by so much: most pages of a posting are those of the one before */
#define LARGE 4000      /* from here on the WAL is made to start anew */
#define HUGE_WAL 16000  /* from here on the file is also cut */

/* While the last readers of an old snapshot are waited for, writers are kept out: hence not long. */
#define PATIENCE (100 * CLOCK_SECOND / 1000)

struct checkpointer {
  struct connection *connection; /* the thread's, until it has ended */
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t grown, passed;
  int pages;   /* in the WAL, at the last commit */
  int wake_at; /* pages */
  bool needs_turn;
  bool stop;
};

/* Returns how many pages of the WAL are still to be carried over; INT_MAX: it failed. */
static int
checkpoint(struct connection *connection, int mode)
{
  g_autoptr(GError) error = NULL;
  int left = 0;
  if (checkpoint_run(connection, mode, &left, &error) != RES_TEMP)
    return left;
  log_error("checkpoint failed", log_err(error));
  return INT_MAX;
}

static void
set_needs_turn(struct checkpointer *checkpointer, bool needs_turn)
{
  pthread_mutex_lock(&checkpointer->lock);
  checkpointer->needs_turn = needs_turn;
  pthread_cond_broadcast(&checkpointer->passed);
  pthread_mutex_unlock(&checkpointer->lock);
}

static void
begin_anew(struct checkpointer *checkpointer, int mode)
{
  set_needs_turn(checkpointer, true);
  checkpoint(checkpointer->connection, mode);
  CRASH_POINT("log-begun-anew");
  set_needs_turn(checkpointer, false);
}

/* The bulk goes beside readers and writers; only what came meanwhile keeps the writers out. While somebody reads an old snapshot (a backup, say) the WAL cannot begin
 * anew, and trying would keep the writers waiting for nothing. */
static void
carry_over(struct checkpointer *checkpointer, int pages)
{
  CRASH_POINT("checkpoint-beginning");
  int left = checkpoint(checkpointer->connection, SQLITE_CHECKPOINT_PASSIVE);
  CRASH_POINT("checkpoint-done");
  if (left < STEP && pages >= LARGE)
    begin_anew(checkpointer, pages < HUGE_WAL ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_TRUNCATE);
  else if (left != INT_MAX && pages >= HUGE_WAL && pages % HUGE_WAL < STEP)
    log_warn("the write-ahead log cannot shrink: somebody has been reading for long", log_str("file", checkpointer->connection->path), log_int("pages", pages));
}

static void *
run(void *arg)
{
  struct checkpointer *checkpointer = arg;
  pthread_mutex_lock(&checkpointer->lock);
  while (!checkpointer->stop) {
    if (checkpointer->pages < checkpointer->wake_at) {
      pthread_cond_wait(&checkpointer->grown, &checkpointer->lock);
      continue;
    }
    int pages = checkpointer->pages;
    checkpointer->wake_at = pages + STEP;
    pthread_mutex_unlock(&checkpointer->lock);
    carry_over(checkpointer, pages);
    pthread_mutex_lock(&checkpointer->lock);
  }
  pthread_mutex_unlock(&checkpointer->lock);
  return NULL;
}

static void
release(struct checkpointer *checkpointer)
{
  connection_close(checkpointer->connection);
  pthread_cond_destroy(&checkpointer->passed);
  pthread_cond_destroy(&checkpointer->grown);
  pthread_mutex_destroy(&checkpointer->lock);
  g_free(checkpointer);
}

enum res
checkpointer_start(const char *path, struct checkpointer **checkpointer, GError **error)
{
  struct connection *connection;
  enum res res = connection_open(&(struct connection_options){ .path = path, .cache_kib = 16, .statements = 4, .patience = PATIENCE },
                                 &connection, error);
  if (res != RES_OK)
    return res;
  struct checkpointer *made = g_new0(struct checkpointer, 1);
  made->wake_at = STEP;
  made->connection = connection;
  pthread_mutex_init(&made->lock, NULL);
  pthread_cond_init(&made->grown, NULL);
  pthread_cond_init(&made->passed, NULL);
  if (!thread_start(&made->thread, run, made)) {
    release(made);
    return trouble(error, REPLY_TROUBLE, "no room for the checkpoint thread");
  }
  *checkpointer = made;
  return RES_OK;
}

void
checkpointer_notice(struct checkpointer *checkpointer, int pages)
{
  pthread_mutex_lock(&checkpointer->lock);
  if (pages < checkpointer->pages) /* the WAL has started anew */
    checkpointer->wake_at = STEP;
  checkpointer->pages = pages;
  if (pages >= checkpointer->wake_at)
    pthread_cond_signal(&checkpointer->grown);
  pthread_mutex_unlock(&checkpointer->lock);
}

void
checkpointer_give_way(struct checkpointer *checkpointer)
{
  pthread_mutex_lock(&checkpointer->lock);
  while (checkpointer->needs_turn)
    pthread_cond_wait(&checkpointer->passed, &checkpointer->lock);
  pthread_mutex_unlock(&checkpointer->lock);
}

void
checkpointer_stop(struct checkpointer *checkpointer)
{
  if (checkpointer == NULL)
    return;
  pthread_mutex_lock(&checkpointer->lock);
  checkpointer->stop = true;
  pthread_cond_signal(&checkpointer->grown);
  pthread_mutex_unlock(&checkpointer->lock);
  pthread_join(checkpointer->thread, NULL);
  checkpoint(checkpointer->connection, SQLITE_CHECKPOINT_TRUNCATE);
  release(checkpointer);
}
