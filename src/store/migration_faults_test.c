/* Migrations on a disk that fails, at each of its calls: the file is as it was, or migrated whole, and the next try succeeds. */
#include "base/log.h"
#include "store/connection.h"
#include "store/fault_vfs.h"
#include "store/migrations.h"
#include "store/scratch.h"

#define ROWS 40

static const struct migration three[] = {
  { .version = 1, .sql = "CREATE TABLE person(id $ID, name TEXT NOT NULL, picture $BYTES);" },
  { .version = 2, .sql = "ALTER TABLE person ADD COLUMN age BIGINT; UPDATE person SET picture = zeroblob(3000); CREATE INDEX by_name ON person(name);" },
  { .version = 3, .sql = "INSERT INTO person(name) VALUES('three'); CREATE TABLE pet(id $ID, person BIGINT REFERENCES person(id));" },
};
#define UP_TO(count) ((struct migration_list){ three, (count) })

struct bench {
  char *directory, *path;
};

static struct connection *
connect_to(const char *path)
{
  struct connection *connection = NULL;
  g_autoptr(GError) error = NULL;
  enum res res = connection_open(&(struct connection_options){ .path = path, .cache_kib = 100, .statements = 8 }, &connection, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return connection;
}

static int64_t
number(struct connection *connection, const char *sql)
{
  int64_t n = -1;
  g_autoptr(GError) error = NULL;
  enum res res = connection_int(connection, sql, &n, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return n;
}

static enum res
migrate(const struct bench *bench, size_t up_to)
{
  g_autoptr(GError) error = NULL;
  enum res res = migrations_apply(&(struct migration_plan){ .path = bench->path, .migrations = UP_TO(up_to) }, &error);
  g_assert_true((res == RES_OK) == (error == NULL));
  return res;
}

static struct bench
bench_new(bool with_rows)
{
  struct bench bench = { .directory = scratch_new() };
  bench.path = g_build_filename(bench.directory, "x.db", NULL);
  g_assert_true(g_file_set_contents_full(bench.path, "", 0, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  if (!with_rows)
    return bench;
  g_assert_cmpint(migrate(&bench, 1), ==, RES_OK);
  struct connection *connection = connect_to(bench.path);
  for (int i = 0; i < ROWS; i++)
    g_assert_cmpint(connection_run(connection, "INSERT INTO person(name, picture) VALUES('one', zeroblob(1000))", NULL), ==, RES_OK);
  connection_close(connection);
  fault_vfs_forget(); /* all of that is on the disk */
  return bench;
}

/* As before, or as after; nothing else. */
static void
check(const struct bench *bench, bool with_rows, bool done)
{
  struct connection *connection = connect_to(bench->path);
  int64_t version = number(connection, "PRAGMA user_version");
  g_assert_cmpint(number(connection, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), ==, 0);
  g_assert_true(version == 3 || (!done && version == with_rows));
  if (version == 3) {
    g_assert_cmpint(number(connection, "SELECT count(*) FROM person"), ==, (with_rows ? ROWS : 0) + 1);
    g_assert_cmpint(number(connection, "SELECT count(*) FROM person WHERE length(picture) = 3000"), ==, with_rows ? ROWS : 0);
    g_assert_cmpint(number(connection, "SELECT count(*) FROM pet"), ==, 0);
  } else if (with_rows)
    g_assert_cmpint(number(connection, "SELECT count(*) FROM person WHERE length(picture) = 1000"), ==, ROWS);
  else
    g_assert_cmpint(number(connection, "SELECT count(*) FROM sqlite_schema"), ==, 0);
  connection_close(connection);
}

/* False: the fault never struck. */
static bool
run(const struct fault *fault, bool with_rows, bool power_lost_later)
{
  struct bench bench = bench_new(with_rows);
  fault_vfs_arm(fault);
  bool done = migrate(&bench, 3) == RES_OK;
  g_assert_true(done || fault_vfs_struck());
  bool struck = fault_vfs_struck(), was_off = fault_vfs_is_off();
  fault_vfs_lift();
  if (power_lost_later)
    fault_vfs_power_off(false, 0);
  if (fault_vfs_is_off())
    fault_vfs_power_on();
  check(&bench, with_rows, done && !was_off && !power_lost_later);
  g_assert_cmpint(migrate(&bench, 3), ==, RES_OK);
  check(&bench, with_rows, true);
  fault_vfs_forget();
  g_free(bench.path);
  scratch_free(bench.directory);
  return struck;
}

static const struct row {
  const char *name;
  enum fault_call call;
  enum fault_kind kind;
  bool lasting, power_lost_later;
} rows[] = {
  { "full/write", FAULT_WRITE, FAULT_FULL, .lasting = true },
  { "error/write", FAULT_WRITE, FAULT_IO_ERROR, .power_lost_later = true },
  { "short/write", FAULT_WRITE, FAULT_SHORT },
  { "power/write", FAULT_WRITE, FAULT_POWER },
  { "torn/write", FAULT_WRITE, FAULT_TORN },
  { "error/sync", FAULT_SYNC, FAULT_IO_ERROR },
  { "error/sync-then-power", FAULT_SYNC, FAULT_IO_ERROR, .power_lost_later = true },
  { "power/sync", FAULT_SYNC, FAULT_POWER },
  { "torn/sync", FAULT_SYNC, FAULT_TORN },
  { "error/open", FAULT_OPEN, FAULT_IO_ERROR },
  { "error/read", FAULT_READ, FAULT_IO_ERROR },
  { "error/shared-memory", FAULT_SHM_MAP, FAULT_IO_ERROR },
};

static void
test_row(gconstpointer data)
{
  const struct row *row = data;
  int runs = 0;
  for (int with_rows = 0; with_rows <= 1; with_rows++) {
    struct fault fault = { .call = row->call, .kind = row->kind, .lasting = row->lasting, .at = 1 };
    for (; fault.seed = (uint32_t)fault.at, run(&fault, with_rows, row->power_lost_later); fault.at += fault_vfs_stride(fault.at, 3))
      runs++;
  }
  g_test_message("%d runs", runs);
  g_assert_cmpint(runs, >, 0);
}

int
main(int argc, char **argv)
{
  fault_vfs_install();
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *name = g_strconcat("/migration-faults/", rows[i].name, NULL);
    g_test_add_data_func(name, &rows[i], test_row);
  }
  return g_test_run();
}
