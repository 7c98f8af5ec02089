#include "store/checkpointer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "store/connection.h"

/* Pages of 4 KiB. */
#define STEP 1000
#define LARGE 4000
#define HUGE_WAL 16000

/* While it waits for the last readers of an old snapshot it holds writers up, hence not long. */
#define PATIENCE (100 * CLOCK_SECOND / 1000)

/* Passive goes beside readers and writers, and lets the WAL start anew if none is in the way; the others make sure that it does. */
static const struct {
  int pages, mode;
} modes[] = {
  { HUGE_WAL, SQLITE_CHECKPOINT_TRUNCATE },
  { LARGE, SQLITE_CHECKPOINT_RESTART },
  { 0, SQLITE_CHECKPOINT_PASSIVE },
};

struct checkpointer {
  struct connection *connection; /* the thread's, until it has ended */
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t grown;
  int pages;   /* in the WAL, at the last commit */
  int wake_at; /* pages */
  bool stop;
};

static int
mode_for(int pages)
{
  size_t i = 0;
  while (pages < modes[i].pages)
    i++;
  return modes[i].mode;
}

static void
checkpoint(struct connection *connection, int pages)
{
  int left = 0, done = 0;
  int code = sqlite3_wal_checkpoint_v2(connection->db, "main", mode_for(pages), &left, &done);
  bool busy = (code & 0xff) == SQLITE_BUSY;
  if (code != SQLITE_OK && !busy) {
    g_autoptr(GError) error = NULL;
    if (connection_fail(connection, "checkpoint", &error) != RES_OK)
      log_error("checkpoint failed", log_err(error));
  } else if (busy && pages >= HUGE_WAL)
    log_warn("the write-ahead log cannot shrink: somebody has been reading for long", log_str("file", connection->path),
             log_int("pages", pages));
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
    checkpoint(checkpointer->connection, pages);
    pthread_mutex_lock(&checkpointer->lock);
  }
  pthread_mutex_unlock(&checkpointer->lock);
  return NULL;
}

enum res
checkpointer_start(const char *path, struct checkpointer **checkpointer, GError **error)
{
  OWN(connection) connection = NULL;
  enum res res = connection_open(&(struct connection_options){ .path = path, .cache_kib = 16, .statements = 4, .patience = PATIENCE },
                                 &connection, error);
  if (res != RES_OK)
    return res;
  struct checkpointer *made = g_new0(struct checkpointer, 1);
  made->wake_at = STEP;
  made->connection = connection;
  pthread_mutex_init(&made->lock, NULL);
  pthread_cond_init(&made->grown, NULL);
  if (!thread_start(&made->thread, run, made)) {
    g_free(made);
    return trouble(error, REPLY_TROUBLE, "no room for the checkpoint thread");
  }
  connection = NULL;
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
checkpointer_stop(struct checkpointer *checkpointer)
{
  if (checkpointer == NULL)
    return;
  pthread_mutex_lock(&checkpointer->lock);
  checkpointer->stop = true;
  pthread_cond_signal(&checkpointer->grown);
  pthread_mutex_unlock(&checkpointer->lock);
  pthread_join(checkpointer->thread, NULL);
  checkpoint(checkpointer->connection, HUGE_WAL);
  connection_close(checkpointer->connection);
  pthread_cond_destroy(&checkpointer->grown);
  pthread_mutex_destroy(&checkpointer->lock);
  g_free(checkpointer);
}
