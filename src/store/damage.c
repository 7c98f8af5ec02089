/* A check of all pages of 1 GiB takes 1.5 seconds when the system has them in memory, and as long as the disk takes to read them otherwise: too long for each start. What
 * damages a database is what ends the server in disorder: power, disk, kernel. Then the log is still there, and the check is made, in a bounded time.
 *
 * The engine looks for an interruption from another thread only while it walks through the pages, hence the watchman. */
#include "store/damage.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "store/connection.h"
#include <string.h>
#include <sys/stat.h>

#define TIME_MAX (5 * CLOCK_SECOND)
#define CACHE_KIB 4096

struct watchman {
  sqlite3 *db;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool done;
};

static bool
was_in_use(const char *path)
{
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  struct stat status;
  return stat(wal, &status) == 0 && status.st_size > 0;
}

static void *
watch(void *arg)
{
  struct watchman *watchman = arg;
  struct timespec end = thread_deadline(clock_monotonic() + TIME_MAX);
  pthread_mutex_lock(&watchman->lock);
  while (!watchman->done)
    if (pthread_cond_clockwait(&watchman->changed, &watchman->lock, CLOCK_MONOTONIC, &end) != 0) {
      sqlite3_interrupt(watchman->db);
      break;
    }
  pthread_mutex_unlock(&watchman->lock);
  return NULL;
}

static void
dismiss(struct watchman *watchman)
{
  pthread_mutex_lock(&watchman->lock);
  watchman->done = true;
  pthread_cond_signal(&watchman->changed);
  pthread_mutex_unlock(&watchman->lock);
  pthread_join(watchman->thread, NULL);
}

static enum res
judge(struct connection *connection, sqlite3_stmt *stmt, GError **error)
{
  int code = sqlite3_step(stmt);
  const char *said = code == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
  if (g_strcmp0(said, "ok") == 0)
    return RES_OK;
  if (said) {
    g_autofree char *line = g_strdelimit(g_strdup(said), "\r\n", ' ');
    return trouble(error, REPLY_TROUBLE, "%s is damaged: %s" DAMAGE_ADVICE "; nothing was changed", connection->path, line);
  }
  if ((code & 0xff) != SQLITE_INTERRUPT)
    return connection_fail(connection, "looking for damage", error) == RES_OK ? RES_OK : RES_TEMP;
  log_note("the database was not looked through whole, to begin in time", log_str("file", connection->path), log_int("seconds", TIME_MAX / CLOCK_SECOND));
  return RES_OK;
}

static enum res
look_through(struct connection *connection, GError **error)
{
  struct watchman watchman = { .db = connection->db };
  sqlite3_stmt *stmt = NULL;
  if (sqlite3_prepare_v2(connection->db, "PRAGMA quick_check(1)", -1, &stmt, NULL) != SQLITE_OK)
    return connection_fail(connection, "looking for damage", error) == RES_OK ? RES_OK : RES_TEMP;
  pthread_mutex_init(&watchman.lock, NULL);
  pthread_cond_init(&watchman.changed, NULL);
  bool watched = thread_start(&watchman.thread, watch, &watchman);
  enum res res = watched ? judge(connection, stmt, error) : trouble(error, REPLY_TROUBLE, "no room for a thread");
  if (watched)
    dismiss(&watchman);
  sqlite3_finalize(stmt);
  pthread_cond_destroy(&watchman.changed);
  pthread_mutex_destroy(&watchman.lock);
  return res;
}

enum res
damage_check(const char *path, GError **error)
{
  OWN(connection) connection = NULL;
  if (!was_in_use(path))
    return RES_OK;
  enum res res = connection_open(&(struct connection_options){ .path = path, .cache_kib = CACHE_KIB, .statements = 2, .patience = CLOCK_SECOND, .query_only = true },
                                 &connection, error);
  if (res != RES_OK)
    return res;
  sqlite3_db_config(connection->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL); /* what is damaged stays as it is */
  log_note("the database was not closed in order: looking through it", log_str("file", path));
  return look_through(connection, error);
}

static enum res
verify(struct tx *tx, void *arg, GError **error)
{
  return sql_text_of(tx, "PRAGMA quick_check(1)", SQL_NO_ARGS, arg, error);
}

enum res
store_verify(struct store *store, char **problem, GError **error)
{
  g_autofree char *said = NULL;
  *problem = NULL;
  enum res res = store_read(store, verify, &said, error);
  if (res == RES_OK && strcmp(said, "ok") != 0)
    *problem = g_steal_pointer(&said);
  return res;
}
