/* Group commit. A gate, a function that holds the committer until the others wait, makes sure that they ride in one batch. */
#include "store/committer.h"
#include "base/clock.h"
#include "store/connection.h"
#include "store/migrations.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RIDERS 6

static const struct migration tables[] = {
  { .version = 1, .sql = "CREATE TABLE item(id $ID, number BIGINT); CREATE TABLE parent(id $ID);"
                         "CREATE TABLE child(id $ID, parent BIGINT REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED);"
                         "CREATE TRIGGER bomb BEFORE INSERT ON item WHEN new.number = 13 BEGIN SELECT RAISE(ROLLBACK, 'thirteen'); END;" },
};

struct bench {
  char *directory, *path;
  struct checkpointer *checkpointer;
  struct committer *committer;
  struct connection *reader;
};

static void
bench_start(struct bench *bench, enum store_mode mode)
{
  g_autoptr(GError) error = NULL;
  *bench = (struct bench){ .directory = g_dir_make_tmp("committer-XXXXXX", NULL) };
  g_assert_nonnull(bench->directory);
  bench->path = g_build_filename(bench->directory, "x.db", NULL);
  int fd = open(bench->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  g_assert_cmpint(fd, >=, 0);
  close(fd);
  g_assert_cmpint(migrations_apply(&(struct migration_plan){ .path = bench->path, .migrations = { tables, 1 } }, &error), ==, RES_OK);
  if (mode == STORE_SERVER)
    g_assert_cmpint(checkpointer_start(bench->path, &bench->checkpointer, &error), ==, RES_OK);
  g_assert_cmpint(committer_start(&(struct committer_options){ .path = bench->path, .mode = mode, .schema = 1, .checkpointer = bench->checkpointer },
                                  &bench->committer, &error), ==, RES_OK);
  g_assert_cmpint(connection_open(&(struct connection_options){ .path = bench->path, .cache_kib = 16, .statements = 4 }, &bench->reader, &error), ==,
                  RES_OK);
}

static int64_t
bench_int(struct bench *bench, const char *sql)
{
  g_autoptr(GError) error = NULL;
  int64_t value = -1;
  g_assert_cmpint(connection_int(bench->reader, sql, &value, &error), ==, RES_OK);
  return value;
}

static void
bench_end(struct bench *bench)
{
  committer_stop(bench->committer);
  connection_close(bench->reader);
  checkpointer_stop(bench->checkpointer);
  g_assert_cmpint(g_unlink(bench->path), ==, 0);
  g_assert_cmpint(g_rmdir(bench->directory), ==, 0); /* nothing else is left: no log */
  g_free(bench->path);
  g_free(bench->directory);
}

/* --- riders of one batch --- */

struct rider {
  struct bench *bench;
  store_fn write;
  int64_t number;
  int runs;
  int64_t seen_inside, seen_outside; /* rows, by the function and by a reader at that moment */
  enum res res;
  GError *error;
  pthread_t thread;
};

struct gate {
  struct bench *bench;
  sem_t entered;
  size_t wait_for;
};

static enum res
gate_hold(struct tx *tx, void *arg, GError **error)
{
  struct gate *gate = arg;
  (void)tx, (void)error;
  sem_post(&gate->entered);
  while (committer_waiting(gate->bench->committer) < gate->wait_for)
    sched_yield();
  return RES_OK;
}

static void *
gate_run(void *arg)
{
  struct gate *gate = arg;
  return committer_write(gate->bench->committer, gate_hold, gate, NULL) == RES_OK ? gate : NULL;
}

static void *
rider_run(void *arg)
{
  struct rider *rider = arg;
  rider->res = committer_write(rider->bench->committer, rider->write, rider, &rider->error);
  return NULL;
}

/* All of `riders` wait, in this order, when the committer turns to them. */
static void
ride(struct bench *bench, struct rider *riders, size_t n)
{
  struct gate gate = { .bench = bench, .wait_for = n };
  pthread_t gate_thread;
  void *done = NULL;
  sem_init(&gate.entered, 0, 0);
  g_assert_cmpint(pthread_create(&gate_thread, NULL, gate_run, &gate), ==, 0);
  sem_wait(&gate.entered);
  for (size_t i = 0; i < n; i++) {
    riders[i].bench = bench;
    g_assert_cmpint(pthread_create(&riders[i].thread, NULL, rider_run, &riders[i]), ==, 0);
    while (committer_waiting(bench->committer) <= i && i + 1 < n) /* the last one opens the gate */
      sched_yield();
  }
  for (size_t i = 0; i < n; i++)
    pthread_join(riders[i].thread, NULL);
  pthread_join(gate_thread, &done);
  g_assert_nonnull(done);
  sem_destroy(&gate.entered);
}

static enum res
insert(struct tx *tx, void *arg, GError **error)
{
  struct rider *rider = arg;
  rider->runs++;
  enum res res = sql_run(tx, "INSERT INTO item(number) VALUES($1)", SQL_ARGS(sql_int(rider->number)), error);
  if (res == RES_OK)
    res = sql_int_of(tx, "SELECT count(*) FROM item", SQL_NO_ARGS, &rider->seen_inside, error);
  if (res == RES_OK)
    rider->seen_outside = bench_int(rider->bench, "SELECT count(*) FROM item");
  return res;
}

static enum res
insert_and_fail(struct tx *tx, void *arg, GError **error)
{
  enum res res = insert(tx, arg, error);
  return res == RES_OK ? refuse(error, REPLY_REFUSED, "mine alone") : res;
}

/* Takes no notice of the engine's rollback, and writes on. */
static enum res
insert_regardless(struct tx *tx, void *arg, GError **error)
{
  (void)error;
  if (insert(tx, arg, NULL) != RES_OK && sql_run(tx, "INSERT INTO item(number) VALUES(99)", SQL_NO_ARGS, NULL) == RES_OK)
    g_assert_not_reached();
  return RES_OK;
}

/* Found only when the transaction is to be committed. */
static enum res
insert_orphan(struct tx *tx, void *arg, GError **error)
{
  struct rider *rider = arg;
  rider->runs++;
  return sql_run(tx, "INSERT INTO child(parent) VALUES(5)", SQL_NO_ARGS, error);
}

static void
test_one_batch(void)
{
  struct bench bench;
  struct rider riders[RIDERS];
  bench_start(&bench, STORE_SERVER);
  for (int i = 0; i < RIDERS; i++)
    riders[i] = (struct rider){ .write = insert, .number = i };
  ride(&bench, riders, RIDERS);
  for (int i = 0; i < RIDERS; i++) {
    g_assert_cmpint(riders[i].res, ==, RES_OK);
    g_assert_cmpint(riders[i].runs, ==, 1);
    g_assert_cmpint(riders[i].seen_inside, ==, i + 1); /* in one transaction with those before */
    g_assert_cmpint(riders[i].seen_outside, ==, 0);    /* which is not yet committed */
  }
  g_assert_cmpint(bench_int(&bench, "SELECT count(*) FROM item"), ==, RIDERS);
  bench_end(&bench);
}

static const struct {
  const char *name;
  store_fn write; /* of the third rider */
  int64_t number;
  int runs, others_run; /* the fourth and later, how often */
  enum res want;
  const char *message;
} odd_rows[] = {
  { .name = "fails by itself", .write = insert_and_fail, .runs = 1, .others_run = 1, .want = RES_BAD, .message = "mine alone" },
  { .name = "rolls the batch back", .write = insert, .number = 13, .runs = 2, .others_run = 1, .want = RES_BAD, .message = "thirteen" },
  { .name = "rolls back and goes on", .write = insert_regardless, .number = 13, .runs = 2, .others_run = 1, .want = RES_TEMP,
    .message = "rolled back" },
  { .name = "cannot be committed", .write = insert_orphan, .runs = 2, .others_run = 2, .want = RES_BAD, .message = "FOREIGN KEY" },
};

static void
test_odd_one(void)
{
  for (size_t r = 0; r < G_N_ELEMENTS(odd_rows); r++) {
    struct bench bench;
    struct rider riders[RIDERS];
    g_test_message("%s", odd_rows[r].name);
    bench_start(&bench, STORE_SERVER);
    for (int i = 0; i < RIDERS; i++)
      riders[i] = (struct rider){ .write = i == 2 ? odd_rows[r].write : insert, .number = i == 2 ? odd_rows[r].number : 100 + i };
    ride(&bench, riders, RIDERS);
    for (int i = 0; i < RIDERS; i++) {
      bool odd = i == 2;
      g_test_message("rider %d", i);
      g_assert_cmpint(riders[i].res, ==, odd ? odd_rows[r].want : RES_OK);
      g_assert_cmpint(riders[i].runs, ==, i > 2 ? odd_rows[r].others_run : odd_rows[r].runs);
      g_assert_true(odd == (riders[i].error != NULL));
      if (odd)
        g_assert_nonnull(strstr(riders[i].error->message, odd_rows[r].message));
      g_clear_error(&riders[i].error);
    }
    g_assert_cmpint(bench_int(&bench, "SELECT count(*) FROM item WHERE number >= 100"), ==, RIDERS - 1); /* each once */
    g_assert_cmpint(bench_int(&bench, "SELECT (SELECT count(*) FROM item) + (SELECT count(*) FROM child)"), ==, RIDERS - 1);
    bench_end(&bench);
  }
}

static void
test_alone(gconstpointer mode)
{
  for (size_t r = 0; r < G_N_ELEMENTS(odd_rows); r++) {
    struct bench bench;
    g_test_message("%s", odd_rows[r].name);
    bench_start(&bench, (enum store_mode)GPOINTER_TO_INT(mode));
    struct rider rider = { .bench = &bench, .write = odd_rows[r].write, .number = odd_rows[r].number };
    rider_run(&rider);
    g_assert_cmpint(rider.res, ==, odd_rows[r].want);
    g_assert_nonnull(strstr(rider.error->message, odd_rows[r].message));
    g_assert_cmpint(rider.runs, ==, 1); /* it was by itself already */
    g_clear_error(&rider.error);
    g_assert_cmpint(bench_int(&bench, "SELECT (SELECT count(*) FROM item) + (SELECT count(*) FROM child)"), ==, 0);
    bench_end(&bench);
  }
}

/* --- others beside it --- */

static void
test_newer_schema(void)
{
  struct bench bench;
  bench_start(&bench, STORE_SERVER);
  struct rider rider = { .bench = &bench, .write = insert, .number = 1 };
  g_assert_cmpint(sqlite3_exec(bench.reader->db, "PRAGMA user_version=2", NULL, NULL, NULL), ==, SQLITE_OK);
  rider_run(&rider);
  g_assert_cmpint(rider.res, ==, RES_TEMP);
  g_assert_nonnull(strstr(rider.error->message, "version 2"));
  g_assert_cmpint(rider.runs, ==, 0);
  g_clear_error(&rider.error);
  bench_end(&bench);
}

/* Another process writes: the committer has taken the job, and it is not run before the other is done. */
static void
test_foreign_writer(void)
{
  struct bench bench;
  bench_start(&bench, STORE_SERVER);
  struct rider rider = { .bench = &bench, .write = insert_and_fail, .number = 1 };
  g_assert_cmpint(sqlite3_exec(bench.reader->db, "BEGIN IMMEDIATE; INSERT INTO item(number) VALUES(7);", NULL, NULL, NULL), ==, SQLITE_OK);
  g_assert_cmpint(pthread_create(&rider.thread, NULL, rider_run, &rider), ==, 0);
  for (int i = 0; i < 100; i++)
    sched_yield();
  g_assert_cmpint(sqlite3_exec(bench.reader->db, "INSERT INTO item(number) VALUES(8); COMMIT", NULL, NULL, NULL), ==, SQLITE_OK);
  pthread_join(rider.thread, NULL);
  g_assert_cmpint(rider.res, ==, RES_BAD); /* its own failure: it waited */
  g_assert_cmpint(rider.seen_inside, ==, 3);
  g_clear_error(&rider.error);
  bench_end(&bench);
}

static enum res
insert_much(struct tx *tx, void *arg, GError **error)
{
  enum res res = sql_run(tx, "CREATE TABLE IF NOT EXISTS bulk(id INTEGER PRIMARY KEY, octets BLOB)", SQL_NO_ARGS, error);
  if (res == RES_OK)
    res = sql_run(tx, "INSERT INTO bulk(octets) VALUES($1)", SQL_ARGS(sql_bytes(*(struct slice *)arg)), error);
  return res;
}

/* --- a machine that stands still --- */

/* How much later it is each time the clock is read: the process, or the machine below it, was stopped in between. */
static _Atomic int64_t stopped_for;

/* In place of the library's. */
int
clock_gettime(clockid_t id, struct timespec *t)
{
  static _Atomic int64_t stopped;
  int result = (int)syscall(SYS_clock_gettime, id, t);
  int64_t all = atomic_fetch_add(&stopped, stopped_for) + stopped_for;
  t->tv_sec += (time_t)(all / CLOCK_SECOND);
  t->tv_nsec += (long)(all % CLOCK_SECOND) * 1000;
  if (t->tv_nsec >= 1000000000) {
    t->tv_sec++;
    t->tv_nsec -= 1000000000;
  }
  return result;
}

static void
test_stopped(gconstpointer mode)
{
  struct bench bench;
  bench_start(&bench, (enum store_mode)GPOINTER_TO_INT(mode));
  struct rider rider = { .bench = &bench, .write = insert, .number = 1 };
  stopped_for = CLOCK_SECOND;
  rider_run(&rider);
  stopped_for = 0;
  g_assert_cmpint(rider.res, ==, RES_OK);
  g_assert_cmpint(rider.runs, ==, 1);
  g_assert_cmpint(bench_int(&bench, "SELECT count(*) FROM item"), ==, 1);
  bench_end(&bench);
}

/* Without a checkpoint the log would hold all that was written. */
static void
test_log_is_bounded(void)
{
  enum { PIECE = 1024 * 1024, PIECES = 96 };
  struct bench bench;
  struct stat status;
  bench_start(&bench, STORE_SERVER);
  g_autofree char *octets = g_malloc0(PIECE);
  g_autofree char *log = g_strconcat(bench.path, "-wal", NULL);
  struct slice piece = { octets, PIECE };
  for (int i = 0; i < PIECES; i++) {
    g_autoptr(GError) error = NULL;
    enum res res = committer_write(bench.committer, insert_much, &piece, &error);
    g_assert_no_error(error);
    g_assert_cmpint(res, ==, RES_OK);
  }
  g_assert_cmpint(stat(log, &status), ==, 0);
  g_test_message("%d MiB written, %d MiB in the log", PIECES, (int)(status.st_size / 1024 / 1024));
  g_assert_cmpint(status.st_size, <, PIECE * PIECES / 2);
  g_assert_cmpint(bench_int(&bench, "SELECT sum(length(octets)) FROM bulk"), ==, PIECE * PIECES);
  bench_end(&bench);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/committer/one-batch", test_one_batch);
  g_test_add_func("/committer/odd-one", test_odd_one);
  g_test_add_data_func("/committer/alone/server", GINT_TO_POINTER(STORE_SERVER), test_alone);
  g_test_add_data_func("/committer/alone/command", GINT_TO_POINTER(STORE_COMMAND), test_alone);
  g_test_add_data_func("/committer/stopped/server", GINT_TO_POINTER(STORE_SERVER), test_stopped);
  g_test_add_data_func("/committer/stopped/command", GINT_TO_POINTER(STORE_COMMAND), test_stopped);
  g_test_add_func("/committer/newer-schema", test_newer_schema);
  g_test_add_func("/committer/foreign-writer", test_foreign_writer);
  g_test_add_func("/committer/log-is-bounded", test_log_is_bounded);
  return g_test_run();
}
