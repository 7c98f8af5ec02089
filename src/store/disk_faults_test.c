/* The store on a disk that fails: at each call of each kind, once or until the fault ends, by an error or by loss of power. What a write was said
 * to have done is there afterwards, what it was said not to have done is not (after a loss of power it may be), and the store goes on by itself
 * as soon as the disk does. LISTWARD_DISK_FAULTS=all tries every call; otherwise ever larger strides are made. */
#include "base/log.h"
#include "store/connection.h"
#include "store/fault_vfs.h"
#include "store/scratch_items.h"
#include <pthread.h>

#define THREADS 3
#define WRITES 3
#define BEFORE 3 /* rows that were there before */
#define AFTERWARDS INT64_C(1000)

/* A database with a table and some rows, as a file. */
static char *template;
static gsize template_size;

struct bench {
  char *directory, *path;
  struct store *store;
  bool confirmed[THREADS][WRITES];
};

/* --- the rows of the table --- */

static enum res
insert_large(struct tx *tx, void *arg, GError **error)
{
  static const char octets[9000] = { 1 };
  return sql_run(tx, INSERT, SQL_ARGS(sql_int(*(int64_t *)arg), sql_null(), sql_bytes((struct slice){ octets, sizeof octets })), error);
}

static enum res
store_try(const char *directory, struct store **store)
{
  g_autoptr(GError) error = NULL;
  enum res res = store_open(&(struct store_options){ .url = "sqlite:test.db", .state_dir = directory, .mode = STORE_SERVER }, store, &error);
  g_assert_true(res == RES_OK || (res == RES_TEMP && error != NULL));
  return res;
}

static void
make_template(void)
{
  char *directory = scratch_new();
  g_autofree char *path = g_build_filename(directory, "test.db", NULL);
  struct store *store = open_with_table(directory);
  for (int64_t number = -BEFORE; number < 0; number++)
    g_assert_cmpint(store_write(store, insert_large, &number, NULL), ==, RES_OK);
  store_free(store);
  g_assert_true(g_file_get_contents(path, &template, &template_size, NULL));
  fault_vfs_forget();
  scratch_free(directory);
}

/* --- what is done to it --- */

struct writer {
  struct bench *bench;
  int thread;
};

static void *
write_some(void *arg)
{
  struct writer *writer = arg;
  for (int i = 0; i < WRITES; i++) {
    int64_t number = writer->thread * WRITES + i;
    g_autoptr(GError) error = NULL;
    enum res res = store_write(writer->bench->store, insert_large, &number, &error);
    g_assert_true(res == RES_OK || (res == RES_TEMP && error != NULL));
    g_assert_true(res == RES_OK || reply_is_temporary(error_reply(error, REPLY_OK)));
    writer->bench->confirmed[writer->thread][i] = res == RES_OK;
  }
  return NULL;
}

static void
write_in_threads(struct bench *bench)
{
  pthread_t threads[THREADS];
  struct writer writers[THREADS];
  for (int i = 0; i < THREADS; i++) {
    writers[i] = (struct writer){ bench, i };
    g_assert_cmpint(pthread_create(&threads[i], NULL, write_some, &writers[i]), ==, 0);
  }
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
}

/* As a command beside the server would. */
static void
checkpoint_beside(const struct bench *bench)
{
  struct connection *connection = NULL;
  if (connection_open(&(struct connection_options){ .path = bench->path, .cache_kib = 100, .statements = 2 }, &connection, NULL) != RES_OK)
    return;
  sqlite3_wal_checkpoint_v2(connection->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
  connection_close(connection);
}

static void
work(struct bench *bench)
{
  int64_t n;
  (void)!store_version(bench->store, &n, NULL);
  write_in_threads(bench);
  (void)!store_read(bench->store, count_items, &n, NULL);
  checkpoint_beside(bench);
  (void)!store_version(bench->store, &n, NULL);
}

/* --- what must be true --- */

static int64_t
number_of(struct store *store, store_fn read, int64_t argument)
{
  g_autoptr(GError) error = NULL;
  enum res res = store_read(store, read, &argument, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return argument;
}

static enum res
count_number(struct tx *tx, void *arg, GError **error)
{
  int64_t *number = arg;
  return sql_int_of(tx, "SELECT count(*) FROM item WHERE number = $1 AND length(octets) = 9000", SQL_ARGS(sql_int(*number)), number, error);
}

static enum res
check_integrity(struct tx *tx, void *arg, GError **error)
{
  (void)arg;
  g_autofree char *said = NULL;
  enum res res = sql_text_of(tx, "PRAGMA integrity_check", SQL_NO_ARGS, &said, error);
  g_assert_cmpstr(said, ==, "ok");
  return res;
}

static void
check(struct bench *bench, bool power_lost)
{
  g_assert_cmpint(number_of(bench->store, check_integrity, 1), ==, 1);
  for (int64_t number = -BEFORE; number < 0; number++)
    g_assert_cmpint(number_of(bench->store, count_number, number), ==, 1);
  for (int thread = 0; thread < THREADS; thread++)
    for (int i = 0; i < WRITES; i++) {
      int64_t there = number_of(bench->store, count_number, thread * WRITES + i);
      g_assert_true(there == bench->confirmed[thread][i] || (power_lost && there == 1));
    }
}

/* A write and a read succeed as if nothing had been. */
static void
check_alive(struct bench *bench, int64_t number)
{
  g_autoptr(GError) error = NULL;
  int64_t version;
  enum res res = store_write(bench->store, insert_large, &number, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  g_assert_cmpint(number_of(bench->store, count_number, number), ==, 1);
  g_assert_cmpint(store_version(bench->store, &version, &error), ==, RES_OK);
}

/* --- one run --- */

enum ending { ORDERLY, POWER_LOST_LATER, TORN_LATER, ENDINGS };

/* Opens on the failing disk, or else when the fault is over. */
static void
bench_open(struct bench *bench)
{
  if (store_try(bench->directory, &bench->store) == RES_OK || fault_vfs_is_off())
    return;
  g_assert_true(fault_vfs_struck());
  fault_vfs_lift();
  g_assert_cmpint(store_try(bench->directory, &bench->store), ==, RES_OK);
}

static void
bench_reopen(struct bench *bench)
{
  store_free(bench->store);
  bench->store = NULL;
  if (fault_vfs_is_off())
    fault_vfs_power_on();
  fault_vfs_lift();
  g_assert_cmpint(store_try(bench->directory, &bench->store), ==, RES_OK);
}

/* False: the fault never struck. */
static bool
run(const struct fault *fault, enum ending ending)
{
  struct bench bench = { .directory = scratch_new() };
  bench.path = g_build_filename(bench.directory, "test.db", NULL);
  g_assert_true(g_file_set_contents_full(bench.path, template, (gssize)template_size, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  fault_vfs_arm(fault);
  bench_open(&bench);
  if (bench.store)
    work(&bench);
  bool alive = !fault_vfs_is_off();
  if (fault_vfs_struck())
    fault_vfs_lift();
  if (alive && fault_vfs_struck()) {
    check_alive(&bench, AFTERWARDS);
    check(&bench, false);
  }
  if (ending != ORDERLY)
    fault_vfs_power_off(ending == TORN_LATER, fault->seed);
  bool power_lost = fault_vfs_is_off(), recovered = alive && fault_vfs_struck();
  bench_reopen(&bench);
  bool struck = fault_vfs_struck();
  check(&bench, power_lost || fault->kind >= FAULT_POWER);
  g_assert_true(!recovered || number_of(bench.store, count_number, AFTERWARDS) == 1);
  check_alive(&bench, AFTERWARDS + 1);
  store_free(bench.store);
  fault_vfs_forget();
  g_free(bench.path);
  scratch_free(bench.directory);
  return struck;
}

/* --- all of them --- */

static const struct row {
  const char *name;
  enum fault_call call;
  enum fault_file file;
  enum fault_kind kind;
} rows[] = {
  { "full/write", FAULT_WRITE, FAULT_ANY_FILE, FAULT_FULL },
  { "no-space/write", FAULT_WRITE, FAULT_ANY_FILE, FAULT_NO_SPACE },
  { "error/write", FAULT_WRITE, FAULT_ANY_FILE, FAULT_IO_ERROR },
  { "short/write", FAULT_WRITE, FAULT_ANY_FILE, FAULT_SHORT },
  { "power/write", FAULT_WRITE, FAULT_ANY_FILE, FAULT_POWER },
  { "torn/write", FAULT_WRITE, FAULT_ANY_FILE, FAULT_TORN },
  { "error/sync-log", FAULT_SYNC, FAULT_WAL_FILE, FAULT_IO_ERROR },
  { "no-space/sync-log", FAULT_SYNC, FAULT_WAL_FILE, FAULT_NO_SPACE },
  { "error/sync-database", FAULT_SYNC, FAULT_DATABASE_FILE, FAULT_IO_ERROR },
  { "power/sync", FAULT_SYNC, FAULT_ANY_FILE, FAULT_POWER },
  { "torn/sync", FAULT_SYNC, FAULT_ANY_FILE, FAULT_TORN },
  { "error/sync-directory", FAULT_DIRECTORY_SYNC, FAULT_ANY_FILE, FAULT_IO_ERROR },
  { "power/sync-directory", FAULT_DIRECTORY_SYNC, FAULT_ANY_FILE, FAULT_POWER },
  { "error/truncate", FAULT_TRUNCATE, FAULT_ANY_FILE, FAULT_IO_ERROR },
  { "power/truncate", FAULT_TRUNCATE, FAULT_ANY_FILE, FAULT_POWER },
  { "torn/truncate", FAULT_TRUNCATE, FAULT_ANY_FILE, FAULT_TORN },
  { "error/open", FAULT_OPEN, FAULT_ANY_FILE, FAULT_IO_ERROR },
  { "power/open", FAULT_OPEN, FAULT_ANY_FILE, FAULT_POWER },
  { "error/shared-memory", FAULT_SHM_MAP, FAULT_ANY_FILE, FAULT_IO_ERROR },
  { "no-space/shared-memory", FAULT_SHM_MAP, FAULT_ANY_FILE, FAULT_NO_SPACE },
  { "error/read", FAULT_READ, FAULT_ANY_FILE, FAULT_IO_ERROR },
};

static void
test_row(gconstpointer data)
{
  const struct row *row = data;
  int runs = 0;
  for (int lasting = 0; lasting <= (row->kind < FAULT_POWER); lasting++)
    for (enum ending ending = ORDERLY; ending < (row->kind < FAULT_POWER ? ENDINGS : POWER_LOST_LATER); ending++) {
      struct fault fault = { .call = row->call, .kind = row->kind, .file = row->file, .at = 1, .lasting = lasting };
      for (; fault.seed = (uint32_t)fault.at, run(&fault, ending); fault.at += fault_vfs_stride(fault.at, 2))
        runs++;
    }
  g_test_message("%d runs", runs);
  g_assert_cmpint(runs, >, 0);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  fault_vfs_install();
  make_template();
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *name = g_strconcat("/disk-faults/", rows[i].name, NULL);
    g_test_add_data_func(name, &rows[i], test_row);
  }
  int failed = g_test_run();
  g_free(template);
  return failed;
}
