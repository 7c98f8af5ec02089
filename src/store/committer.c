/* Group commit.
 *
 * A batch is one transaction; each function in it runs in a savepoint, so that one that fails is undone by itself and the others
 * commit. When the engine rolls the batch back (full disk, I/O error, a trigger's RAISE(ROLLBACK)) or cannot commit it, each function of it
 * is run once more in a transaction of its own, and fails by itself. A caller is woken when the transaction that its
 * result comes from has ended, never before.
 *
 * A caller that finds nobody writing runs its own function, alone, and pays no change of threads for it. What comes meanwhile is the thread's, which
 * goes on as long as there is something. */
#include "store/committer.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/thread.h"
#include "store/checkpoint.h"
#include <errno.h>
#include <semaphore.h>

#define CACHE_KIB 1024
#define STATEMENTS 128
#define BATCH_MAX 256
/* A batch that has run for so long is committed, and the rest rides in the next. */
#define BATCH_TIME (50 * CLOCK_SECOND / 1000)
#define SERVER_PATIENCE (120 * CLOCK_SECOND)
#define COMMAND_PATIENCE (30 * CLOCK_SECOND)
/* A command's pause between two writes: longer than the server's poll (connection.c), so that mail does not wait for a bulk command. */
#define COMMAND_PAUSE (5 * CLOCK_SECOND / 1000)
/* Pages in the WAL at which a command carries it over. */
#define COMMAND_CHECKPOINT 1000

struct job {
  store_fn write;
  void *arg;
  enum res res;
  GError *error;
  struct job *next;
  sem_t done;
};

struct committer {
  struct connection *connection; /* of whoever has set `writing` */
  int64_t schema;
  struct checkpointer *checkpointer;
  bool threaded;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t handed_in;
  struct job *first, **last;
  size_t waiting;
  bool writing, stop;
  int64_t wrote_at; /* µs, monotonic: end of the last write of a command */
};

/* --- one transaction --- */

static void
job_fail(struct job *job, enum res res, const GError *error)
{
  g_clear_error(&job->error);
  job->res = res;
  job->error = g_error_copy(error);
}

static void
undo_to_savepoint(struct connection *connection)
{
  g_autoptr(GError) error = NULL;
  if (connection_run(connection, "ROLLBACK TO one", &error) == RES_OK && connection_run(connection, "RELEASE one", &error) == RES_OK)
    return;
  log_error("a failed write could not be undone by itself", log_err(error));
  connection_rollback(connection);
}

/* Afterwards the connection is in the transaction, or the engine has rolled it back. */
static void
job_run(struct connection *connection, struct job *job)
{
  g_clear_error(&job->error);
  job->res = connection_run(connection, "SAVEPOINT one", &job->error);
  if (job->res != RES_OK) {
    connection_rollback(connection);
    return;
  }
  job->res = connection_call(connection, job->write, job->arg, &job->error);
  if (!connection_in_transaction(connection))
    return;
  if (job->res != RES_OK)
    undo_to_savepoint(connection);
  else if (connection_run(connection, "RELEASE one", &job->error) != RES_OK) {
    job->res = RES_TEMP;
    connection_rollback(connection);
  }
}

/* Takes the write lock, and looks whether a newer program has migrated the database meanwhile. */
static enum res
begin(struct committer *committer, GError **error)
{
  int64_t schema = 0;
  if (committer->checkpointer)
    checkpointer_give_way(committer->checkpointer);
  enum res res = connection_run(committer->connection, "BEGIN IMMEDIATE", error);
  if (res == RES_OK)
    res = connection_int(committer->connection, "PRAGMA user_version", &schema, error);
  if (res == RES_OK && schema != committer->schema)
    res = trouble(error, REPLY_TROUBLE, "%s: another program has changed the schema to version %" G_GINT64_FORMAT "; restart the server",
                  committer->connection->path, schema);
  if (res != RES_OK)
    connection_rollback(committer->connection);
  return res;
}

/* What became of a transaction. */
struct attempt {
  enum { COMMITTED, NOT_BEGUN, ROLLED_BACK } outcome; /* other than COMMITTED: nothing of it is left */
  size_t ran;                                         /* of the jobs */
  enum res res;                                       /* and `error`: why it was not committed */
  GError *error;
};

/* Runs the first of `n` jobs in any case (the process may be stopped for as long as it likes), and more until the time is up. */
static void
transaction(struct committer *committer, struct job **jobs, size_t n, struct attempt *attempt)
{
  struct connection *connection = committer->connection;
  *attempt = (struct attempt){ .outcome = NOT_BEGUN, .ran = n };
  attempt->res = begin(committer, &attempt->error);
  if (attempt->res != RES_OK)
    return;
  attempt->outcome = ROLLED_BACK;
  int64_t began = clock_monotonic();
  attempt->ran = 0;
  do {
    job_run(connection, jobs[attempt->ran++]);
    if (!connection_in_transaction(connection)) {
      attempt->res = trouble(&attempt->error, REPLY_TROUBLE, "the transaction was rolled back");
      return;
    }
  } while (attempt->ran < n && clock_monotonic() - began <= BATCH_TIME);
  CRASH_POINT("batch-written");
  attempt->res = connection_run(connection, "COMMIT", &attempt->error);
  CRASH_POINT("batch-committed");
  if (attempt->res == RES_OK)
    attempt->outcome = COMMITTED;
  else
    connection_rollback(connection);
}

/* It was the only one in its transaction, which is gone. Its own word goes before the engine's. */
static void
fail_alone(struct job *job, const struct attempt *attempt)
{
  if (job->res == RES_OK || job->error == NULL)
    job_fail(job, attempt->res, attempt->error);
}

static void
run_alone(struct committer *committer, struct job *job)
{
  struct attempt attempt;
  transaction(committer, &job, 1, &attempt);
  switch (attempt.outcome) {
  case COMMITTED: break;
  case NOT_BEGUN: job_fail(job, attempt.res, attempt.error); break;
  case ROLLED_BACK: fail_alone(job, &attempt); break;
  }
  g_clear_error(&attempt.error);
}

static void
run_each_alone(struct committer *committer, struct job **jobs, const struct attempt *attempt)
{
  log_warn("a batch of writes was rolled back: each is tried by itself", log_int("writes", (int64_t)attempt->ran), log_err(attempt->error));
  for (size_t i = 0; i < attempt->ran; i++)
    run_alone(committer, jobs[i]);
}

/* Runs the first jobs of `n`; returns how many have their result. */
static size_t
run_batch(struct committer *committer, struct job **jobs, size_t n)
{
  struct attempt attempt;
  transaction(committer, jobs, n, &attempt);
  switch (attempt.outcome) {
  case COMMITTED: break;
  case NOT_BEGUN:
    for (size_t i = 0; i < attempt.ran; i++)
      job_fail(jobs[i], attempt.res, attempt.error);
    break;
  case ROLLED_BACK:
    if (attempt.ran == 1)
      fail_alone(jobs[0], &attempt);
    else
      run_each_alone(committer, jobs, &attempt);
    break;
  }
  g_clear_error(&attempt.error);
  return attempt.ran;
}

/* --- the thread --- */

/* Nobody writes any more; the thread does if something is waiting for it. Locked. */
static void
pass_on(struct committer *committer)
{
  committer->writing = false;
  if (committer->first || committer->stop)
    pthread_cond_signal(&committer->handed_in);
}

/* For the thread, which then writes, until it comes for more. 0: stopping, and nothing is left. */
static size_t
take_waiting(struct committer *committer, bool wrote, struct job **jobs)
{
  size_t n = 0;
  pthread_mutex_lock(&committer->lock);
  if (wrote)
    committer->writing = false;
  while (committer->writing || (committer->first == NULL && !committer->stop))
    pthread_cond_wait(&committer->handed_in, &committer->lock);
  while (committer->first && n < BATCH_MAX) {
    jobs[n++] = committer->first;
    committer->first = committer->first->next;
    committer->waiting--;
  }
  if (committer->first == NULL)
    committer->last = &committer->first;
  committer->writing = n > 0;
  pthread_mutex_unlock(&committer->lock);
  return n;
}

static void *
run(void *arg)
{
  struct committer *committer = arg;
  struct job *jobs[BATCH_MAX];
  size_t n = 0;
  while ((n = take_waiting(committer, n > 0, jobs)) > 0)
    for (size_t done = 0; done < n;) {
      size_t ran = run_batch(committer, jobs + done, n - done);
      for (size_t i = done; i < done + ran; i++)
        sem_post(&jobs[i]->done);
      done += ran;
    }
  return NULL;
}

/* Locked. */
static void
hand_in(struct committer *committer, struct job *job)
{
  *committer->last = job;
  committer->last = &job->next;
  committer->waiting++;
  if (!committer->writing)
    pthread_cond_signal(&committer->handed_in);
}

static void
write_in_server(struct committer *committer, struct job *job)
{
  pthread_mutex_lock(&committer->lock);
  bool alone = !committer->writing && committer->first == NULL;
  if (alone) {
    committer->writing = true;
    pthread_mutex_unlock(&committer->lock);
    run_batch(committer, &job, 1);
    pthread_mutex_lock(&committer->lock);
    pass_on(committer);
    pthread_mutex_unlock(&committer->lock);
    return;
  }
  sem_init(&job->done, 0, 0);
  hand_in(committer, job);
  pthread_mutex_unlock(&committer->lock);
  while (sem_wait(&job->done) != 0)
    g_assert(errno == EINTR);
  sem_destroy(&job->done);
}

static void
write_here(struct committer *committer, struct job *job)
{
  pthread_mutex_lock(&committer->lock);
  int64_t since = clock_monotonic() - committer->wrote_at;
  if (committer->wrote_at && since < COMMAND_PAUSE)
    g_usleep((gulong)(COMMAND_PAUSE - since));
  run_batch(committer, &job, 1);
  committer->wrote_at = clock_monotonic();
  pthread_mutex_unlock(&committer->lock);
}

enum res
committer_write(struct committer *committer, store_fn write, void *arg, GError **error)
{
  struct job job = { .write = write, .arg = arg };
  if (committer->threaded)
    write_in_server(committer, &job);
  else
    write_here(committer, &job);
  if (job.error)
    g_propagate_error(error, job.error);
  return job.res;
}

size_t
committer_waiting(struct committer *committer)
{
  pthread_mutex_lock(&committer->lock);
  size_t waiting = committer->waiting;
  pthread_mutex_unlock(&committer->lock);
  return waiting;
}

/* --- start and stop --- */

static int
wal_grew(void *arg, sqlite3 *db, const char *name, int pages)
{
  (void)db, (void)name;
  checkpointer_notice(arg, pages);
  return SQLITE_OK;
}

/* In a command. What it meets is said; the next write, or the server, does it again. */
static int
wal_grew_here(void *arg, sqlite3 *db, const char *name, int pages)
{
  (void)db, (void)name;
  g_autoptr(GError) error = NULL;
  if (pages >= COMMAND_CHECKPOINT && checkpoint_run(arg, SQLITE_CHECKPOINT_PASSIVE, NULL, &error) == RES_TEMP)
    log_warn("checkpoint failed", log_err(error));
  return SQLITE_OK;
}

enum res
committer_start(const struct committer_options *options, struct committer **committer, GError **error)
{
  bool threaded = options->mode == STORE_SERVER;
  struct connection *connection;
  enum res res = connection_open(&(struct connection_options){ .path = options->path, .cache_kib = CACHE_KIB, .statements = STATEMENTS,
                                                               .patience = threaded ? SERVER_PATIENCE : COMMAND_PATIENCE },
                                 &connection, error);
  if (res != RES_OK)
    return res;
  if (options->checkpointer)
    sqlite3_wal_hook(connection->db, wal_grew, options->checkpointer);
  else
    sqlite3_wal_hook(connection->db, wal_grew_here, connection);

  OWN(committer) made = g_new0(struct committer, 1);
  made->connection = connection;
  made->schema = options->schema;
  made->checkpointer = options->checkpointer;
  made->last = &made->first;
  pthread_mutex_init(&made->lock, NULL);
  pthread_cond_init(&made->handed_in, NULL);
  if (threaded && !thread_start(&made->thread, run, made))
    return trouble(error, REPLY_TROUBLE, "no room for the committer thread");
  made->threaded = threaded;
  *committer = OWN_GIVE(made);
  return RES_OK;
}

void
committer_stop(struct committer *committer)
{
  if (committer == NULL)
    return;
  pthread_mutex_lock(&committer->lock);
  committer->stop = true;
  pthread_cond_signal(&committer->handed_in);
  pthread_mutex_unlock(&committer->lock);
  if (committer->threaded)
    pthread_join(committer->thread, NULL);
  connection_close(committer->connection);
  pthread_cond_destroy(&committer->handed_in);
  pthread_mutex_destroy(&committer->lock);
  g_free(committer);
}
