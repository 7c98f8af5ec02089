#include "store/store.h"
#include <glib/gstdio.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define INSERT "INSERT INTO item(number, word, octets) VALUES($1, $2, $3)"
#define COUNT "SELECT count(*) FROM item"

/* --- a scratch directory with a store in it --- */

static char *
scratch_new(void)
{
  char *directory = g_dir_make_tmp("store-XXXXXX", NULL);
  g_assert_nonnull(directory);
  return directory;
}

static void
scratch_free(char *directory)
{
  GDir *dir = g_dir_open(directory, 0, NULL);
  const char *name;
  while ((name = g_dir_read_name(dir))) {
    g_autofree char *path = g_build_filename(directory, name, NULL);
    g_unlink(path);
  }
  g_dir_close(dir);
  g_rmdir(directory);
  g_free(directory);
}

static struct store *
open_in(const char *directory, enum store_mode mode)
{
  g_autoptr(GError) error = NULL;
  struct store *store = NULL;
  enum res res = store_open(&(struct store_options){ .url = "sqlite:test.db", .state_dir = directory, .mode = mode }, &store, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return store;
}

static enum res
make_table(struct tx *tx, void *arg, GError **error)
{
  (void)arg;
  enum res res = sql_run(tx,
                         "CREATE TABLE IF NOT EXISTS item(id INTEGER PRIMARY KEY AUTOINCREMENT, number BIGINT, word TEXT UNIQUE, octets BLOB)",
                         SQL_NO_ARGS, error);
  if (res == RES_OK)
    res = sql_run(tx, "CREATE TABLE IF NOT EXISTS part(id INTEGER PRIMARY KEY, item BIGINT NOT NULL REFERENCES item(id))", SQL_NO_ARGS, error);
  return res;
}

static struct store *
open_with_table(const char *directory)
{
  g_autoptr(GError) error = NULL;
  struct store *store = open_in(directory, STORE_SERVER);
  g_assert_cmpint(store_write(store, make_table, NULL, &error), ==, RES_OK);
  return store;
}

static enum res
count_items(struct tx *tx, void *arg, GError **error)
{
  return sql_int_of(tx, COUNT, SQL_NO_ARGS, arg, error);
}

static int64_t
counted(struct store *store)
{
  g_autoptr(GError) error = NULL;
  int64_t n = -1;
  enum res res = store_read(store, count_items, &n, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return n;
}

static enum res
insert_number(struct tx *tx, void *arg, GError **error)
{
  return sql_run(tx, INSERT, SQL_ARGS(sql_int(*(int64_t *)arg), sql_null(), sql_null()), error);
}

/* --- values --- */

static const char all_octets[] = "\0\1'\"%\xff\xc3\xa4;--\r\n";

static const struct value_row {
  const char *name;
  struct sql_value value;
  int64_t number; /* as read back by each getter */
  const char *text;
  struct slice octets;
  bool null;
} value_rows[] = {
  { .name = "null", .value = { SQL_NULL, 0, { NULL, 0 } }, .text = "", .null = true },
  { .name = "zero", .value = { SQL_INT, 0, { NULL, 0 } }, .text = "0", .octets = { "0", 1 } },
  { .name = "least", .value = { SQL_INT, INT64_MIN, { NULL, 0 } }, .number = INT64_MIN, .text = "-9223372036854775808",
    .octets = { "-9223372036854775808", 20 } },
  { .name = "most", .value = { SQL_INT, INT64_MAX, { NULL, 0 } }, .number = INT64_MAX, .text = "9223372036854775807",
    .octets = { "9223372036854775807", 19 } },
  { .name = "text", .value = { SQL_TEXT, 0, { "M\xc3\xa4rz 'x'", 9 } }, .text = "M\xc3\xa4rz 'x'", .octets = { "M\xc3\xa4rz 'x'", 9 } },
  { .name = "text cut from a longer one", .value = { SQL_TEXT, 0, { "abcdef", 3 } }, .text = "abc", .octets = { "abc", 3 } },
  { .name = "digits stay text", .value = { SQL_TEXT, 0, { "007", 3 } }, .number = 7, .text = "007", .octets = { "007", 3 } },
  { .name = "empty text", .value = { SQL_TEXT, 0, { NULL, 0 } }, .text = "" },
  { .name = "octets", .value = { SQL_BYTES, 0, { all_octets, sizeof all_octets } }, .text = "", .octets = { all_octets, sizeof all_octets } },
  { .name = "no octets", .value = { SQL_BYTES, 0, { NULL, 0 } }, .text = "" },
};

static enum res
round_trip(struct tx *tx, void *arg, GError **error)
{
  const struct value_row *row = arg;
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT $1, $1, $1, $1", SQL_ARGS(row->value), &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  g_assert_cmpint(res, ==, RES_OK);
  g_assert_true(row_is_null(rows, 0) == row->null);
  g_assert_cmpint(row_int(rows, 1), ==, row->number);
  g_assert_cmpstr(row_text(rows, 2), ==, row->text);
  g_assert_true(slice_equal(row_bytes(rows, 3), row->octets));
  g_assert_cmpint(rows_next(rows, error), ==, RES_MORE);
  g_assert_cmpint(rows_next(rows, error), ==, RES_MORE); /* and does not begin again */
  return RES_OK;
}

static void
test_values(void)
{
  char *directory = scratch_new();
  OWN(store) store = open_in(directory, STORE_SERVER);
  for (size_t i = 0; i < G_N_ELEMENTS(value_rows); i++) {
    g_autoptr(GError) error = NULL;
    g_test_message("%s", value_rows[i].name);
    g_assert_cmpint(store_read(store, round_trip, (void *)&value_rows[i], &error), ==, RES_OK);
  }
  store_free(OWN_GIVE(store));
  scratch_free(directory);
}

static enum res
store_values(struct tx *tx, void *arg, GError **error)
{
  const struct value_row *row = arg;
  return sql_run(tx, "INSERT INTO item(octets) VALUES($1)", SQL_ARGS(row->value), error);
}

static enum res
find_value(struct tx *tx, void *arg, GError **error)
{
  const struct value_row *row = arg;
  int64_t n = 0;
  enum res res = sql_int_of(tx, "SELECT count(*) FROM item WHERE octets = $1 OR (octets IS NULL AND $2 = 1)",
                            SQL_ARGS(row->value, sql_int(row->null)), &n, error);
  g_assert_cmpint(n, ==, 1);
  return res;
}

/* Empty is not NULL, text is not octets: each row finds itself alone. */
static void
test_values_in_table(void)
{
  char *directory = scratch_new();
  OWN(store) store = open_with_table(directory);
  g_autoptr(GError) error = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS(value_rows); i++)
    g_assert_cmpint(store_write(store, store_values, (void *)&value_rows[i], &error), ==, RES_OK);
  for (size_t i = 0; i < G_N_ELEMENTS(value_rows); i++) {
    g_test_message("%s", value_rows[i].name);
    g_assert_cmpint(store_read(store, find_value, (void *)&value_rows[i], &error), ==, RES_OK);
  }
  store_free(OWN_GIVE(store));
  scratch_free(directory);
}

/* --- statements --- */

static const struct statement_row {
  const char *name, *sql;
  struct sql_args args;
  enum res want;
  int64_t value;
} statement_rows[] = {
  { .name = "by number, not by order", .sql = "SELECT $2 - $1", .args = { (struct sql_value[]){ { SQL_INT, 3, { 0 } }, { SQL_INT, 10, { 0 } } }, 2 },
    .value = 7 },
  { .name = "one twice", .sql = "SELECT $1 + $1", .args = { (struct sql_value[]){ { SQL_INT, 4, { 0 } } }, 1 }, .value = 8 },
  { .name = "no row", .sql = "SELECT 1 WHERE 1 = 0", .want = RES_MORE, .value = -1 },
  { .name = "too few values", .sql = "SELECT $1 + $2", .args = { (struct sql_value[]){ { SQL_INT, 4, { 0 } } }, 1 }, .want = RES_TEMP, .value = -1 },
  { .name = "too many values", .sql = "SELECT 1", .args = { (struct sql_value[]){ { SQL_INT, 4, { 0 } } }, 1 }, .want = RES_TEMP, .value = -1 },
  { .name = "number out of range", .sql = "SELECT $3", .args = { (struct sql_value[]){ { SQL_INT, 4, { 0 } } }, 1 }, .want = RES_TEMP, .value = -1 },
  { .name = "parameter without a number", .sql = "SELECT ?", .args = { (struct sql_value[]){ { SQL_INT, 4, { 0 } } }, 1 }, .want = RES_TEMP,
    .value = -1 },
  { .name = "two statements", .sql = "SELECT 1; SELECT 2", .want = RES_TEMP, .value = -1 },
  { .name = "none", .sql = "", .want = RES_TEMP, .value = -1 },
  { .name = "no such table", .sql = "SELECT 1 FROM nowhere", .want = RES_TEMP, .value = -1 },
  { .name = "double quotes are for names", .sql = "SELECT \"x\"", .want = RES_TEMP, .value = -1 },
  { .name = "reader writes", .sql = "INSERT INTO item(word) VALUES('w') RETURNING id", .want = RES_TEMP, .value = -1 },
};

static enum res
run_statement_row(struct tx *tx, void *arg, GError **error)
{
  const struct statement_row *row = arg;
  int64_t value = -1;
  enum res res = sql_int_of(tx, row->sql, row->args, &value, error);
  g_assert_cmpint(value, ==, row->value);
  return res;
}

static void
test_statements(void)
{
  char *directory = scratch_new();
  OWN(store) store = open_with_table(directory);
  for (size_t i = 0; i < G_N_ELEMENTS(statement_rows); i++) {
    g_autoptr(GError) error = NULL;
    g_test_message("%s", statement_rows[i].name);
    g_assert_cmpint(store_read(store, run_statement_row, (void *)&statement_rows[i], &error), ==, statement_rows[i].want);
    g_assert_true((error != NULL) == (statement_rows[i].want != RES_OK));
  }
  store_free(OWN_GIVE(store));
  scratch_free(directory);
}

static enum res
use_statements(struct tx *tx, void *arg, GError **error)
{
  static const char query[] = "SELECT 1 UNION ALL SELECT 2";
  char changing[] = "SELECT 1";
  int64_t value = 0;
  g_autofree char *text = NULL;
  g_autoptr(GError) refused = NULL;
  (void)arg;
  {
    OWN(rows) rows = NULL;
    OWN(rows) again = NULL;
    g_assert_cmpint(sql_query(tx, query, SQL_NO_ARGS, &rows, error), ==, RES_OK);
    g_assert_cmpint(sql_query(tx, query, SQL_NO_ARGS, &again, &refused), ==, RES_TEMP);
    g_assert_cmpint(rows_next(rows, error), ==, RES_OK); /* unharmed */
    g_assert_cmpint(row_int(rows, 0), ==, 1);
  }
  g_assert_cmpint(sql_int_of(tx, query, SQL_NO_ARGS, &value, error), ==, RES_OK);
  g_assert_cmpint(value, ==, 1);

  /* Another text at the same address is another statement. */
  g_assert_cmpint(sql_int_of(tx, changing, SQL_NO_ARGS, &value, error), ==, RES_OK);
  changing[7] = '5';
  g_assert_cmpint(sql_int_of(tx, changing, SQL_NO_ARGS, &value, error), ==, RES_OK);
  g_assert_cmpint(value, ==, 5);

  g_assert_cmpint(sql_text_of(tx, "SELECT 'a' || $1", SQL_ARGS(sql_text("b")), &text, error), ==, RES_OK);
  g_assert_cmpstr(text, ==, "ab");

  g_assert_cmpint(sql_run(tx, "INSERT INTO item(number) VALUES(1), (1), (2)", SQL_NO_ARGS, error), ==, RES_OK);
  g_assert_cmpint(sql_changes(tx), ==, 3);
  g_assert_cmpint(sql_run(tx, "UPDATE item SET number = 3 WHERE number = 1 RETURNING id", SQL_NO_ARGS, error), ==, RES_OK);
  g_assert_cmpint(sql_changes(tx), ==, 2);
  g_assert_cmpint(sql_run(tx, "DELETE FROM item WHERE number = 1", SQL_NO_ARGS, error), ==, RES_OK);
  g_assert_cmpint(sql_changes(tx), ==, 0);
  return RES_OK;
}

/* More statements than are kept prepared: the oldest give way, an open one never. */
static enum res
use_many_statements(struct tx *tx, void *arg, GError **error)
{
  OWN(rows) open = NULL;
  (void)arg;
  g_assert_cmpint(sql_query(tx, "SELECT 41 UNION ALL SELECT 42", SQL_NO_ARGS, &open, error), ==, RES_OK);
  g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
  for (int i = 0; i < 1000; i++) {
    char *sql = g_strdup_printf("SELECT %d", i);
    int64_t value = -1;
    g_ptr_array_add(texts, sql);
    g_assert_cmpint(sql_int_of(tx, sql, SQL_NO_ARGS, &value, error), ==, RES_OK);
    g_assert_cmpint(value, ==, i);
  }
  g_assert_cmpint(rows_next(open, error), ==, RES_OK);
  g_assert_cmpint(rows_next(open, error), ==, RES_OK);
  g_assert_cmpint(row_int(open, 0), ==, 42);
  return RES_OK;
}

static void
test_statement_use(void)
{
  char *directory = scratch_new();
  OWN(store) store = open_with_table(directory);
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(store_write(store, use_statements, NULL, &error), ==, RES_OK);
  g_assert_cmpint(store_write(store, use_many_statements, NULL, &error), ==, RES_OK);
  g_assert_cmpint(store_read(store, use_many_statements, NULL, &error), ==, RES_OK);
  store_free(OWN_GIVE(store));
  scratch_free(directory);
}

/* --- failures --- */

static enum res
repeat_word(struct tx *tx, void *arg, GError **error)
{
  (void)arg;
  enum res res = sql_run(tx, INSERT, SQL_ARGS(sql_int(1), sql_text("same"), sql_null()), error);
  if (res == RES_OK)
    res = sql_run(tx, INSERT, SQL_ARGS(sql_int(2), sql_text("same"), sql_null()), error);
  return res;
}

static enum res
refer_to_nothing(struct tx *tx, void *arg, GError **error)
{
  (void)arg;
  return sql_run(tx, "INSERT INTO part(item) VALUES(99)", SQL_NO_ARGS, error);
}

static enum res
insert_and_refuse(struct tx *tx, void *arg, GError **error)
{
  (void)arg;
  g_assert_cmpint(sql_run(tx, INSERT, SQL_ARGS(sql_int(1), sql_null(), sql_null()), error), ==, RES_OK);
  return refuse(error, REPLY_LOOP, "my own words");
}

static enum res
insert_and_say_more(struct tx *tx, void *arg, GError **error)
{
  (void)arg;
  g_assert_cmpint(sql_run(tx, INSERT, SQL_ARGS(sql_int(1), sql_null(), sql_null()), error), ==, RES_OK);
  return RES_MORE; /* and no error */
}

static enum res
fill_the_disk(struct tx *tx, void *arg, GError **error)
{
  (void)arg;
  g_autofree char *much = g_malloc0(1024 * 1024);
  enum res res = sql_run(tx, "PRAGMA max_page_count=100", SQL_NO_ARGS, error);
  if (res == RES_OK)
    res = sql_run(tx, INSERT, SQL_ARGS(sql_int(1), sql_null(), sql_bytes((struct slice){ much, 1024 * 1024 })), error);
  return res;
}

static const struct {
  const char *name;
  store_fn write;
  enum res want;
  enum reply reply;
  const char *message;
} failure_rows[] = {
  { .name = "not unique", .write = repeat_word, .want = RES_BAD, .reply = REPLY_TROUBLE, .message = "UNIQUE" },
  { .name = "reference", .write = refer_to_nothing, .want = RES_BAD, .reply = REPLY_TROUBLE, .message = "FOREIGN KEY" },
  { .name = "own result", .write = insert_and_refuse, .want = RES_BAD, .reply = REPLY_LOOP, .message = "my own words" },
  { .name = "other than OK", .write = insert_and_say_more, .want = RES_MORE, .reply = REPLY_TROUBLE, .message = "without a word" },
  { .name = "full disk", .write = fill_the_disk, .want = RES_TEMP, .reply = REPLY_FULL, .message = "make room" },
};

static void
test_failures(gconstpointer mode)
{
  char *directory = scratch_new();
  store_free(open_with_table(directory));
  OWN(store) store = open_in(directory, (enum store_mode)GPOINTER_TO_INT(mode));
  int64_t number = 1;
  for (size_t i = 0; i < G_N_ELEMENTS(failure_rows); i++) {
    g_autoptr(GError) error = NULL;
    g_test_message("%s", failure_rows[i].name);
    g_assert_cmpint(store_write(store, failure_rows[i].write, NULL, &error), ==, failure_rows[i].want);
    g_assert_cmpint(error_reply(error, REPLY_OK), ==, failure_rows[i].reply);
    g_assert_nonnull(strstr(error->message, failure_rows[i].message));
    g_assert_cmpint(counted(store), ==, (int64_t)i);
    g_clear_error(&error);
    g_assert_cmpint(store_write(store, insert_number, &number, &error), ==, RES_OK); /* goes on */
  }
  g_assert_cmpint(store_write(store, insert_and_refuse, NULL, NULL), ==, RES_BAD);
  store_free(OWN_GIVE(store));
  scratch_free(directory);
}

/* --- threads --- */

#define THREADS 16
#define WRITES 40

struct writer {
  struct store *store;
  int64_t number;
  int failed;
};

static enum res
insert_counted(struct tx *tx, void *arg, GError **error)
{
  enum res res = insert_number(tx, arg, error);
  if (res == RES_OK && *(int64_t *)arg % 7 == 0)
    return refuse(error, REPLY_REFUSED, "every seventh");
  return res;
}

static void *
write_many(void *arg)
{
  struct writer *writer = arg;
  for (int i = 0; i < WRITES; i++) {
    int64_t number = writer->number * WRITES + i;
    g_autoptr(GError) error = NULL;
    if (store_write(writer->store, insert_counted, &number, &error) != RES_OK)
      writer->failed += number % 7 == 0 ? 1 : 1000;
    if (counted(writer->store) < 1)
      writer->failed += 1000;
  }
  return NULL;
}

static void
test_many_threads(void)
{
  char *directory = scratch_new();
  OWN(store) store = open_with_table(directory);
  struct writer writers[THREADS];
  pthread_t threads[THREADS];
  int failed = 0;
  for (int i = 0; i < THREADS; i++) {
    writers[i] = (struct writer){ store, i, 0 };
    g_assert_cmpint(pthread_create(&threads[i], NULL, write_many, &writers[i]), ==, 0);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    failed += writers[i].failed;
  }
  g_assert_cmpint(failed, ==, (THREADS * WRITES + 6) / 7);
  store_free(OWN_GIVE(store));

  store = open_in(directory, STORE_COMMAND);
  g_assert_cmpint(counted(store), ==, THREADS * WRITES - failed);
  store_free(OWN_GIVE(store));
  scratch_free(directory);
}

struct snapshot {
  struct store *store;
  sem_t read_once, written;
  int64_t first, second;
};

static enum res
read_twice(struct tx *tx, void *arg, GError **error)
{
  struct snapshot *snapshot = arg;
  enum res res = sql_int_of(tx, COUNT, SQL_NO_ARGS, &snapshot->first, error);
  sem_post(&snapshot->read_once);
  sem_wait(&snapshot->written);
  if (res == RES_OK)
    res = sql_int_of(tx, COUNT, SQL_NO_ARGS, &snapshot->second, error);
  return res;
}

static void *
write_between(void *arg)
{
  struct snapshot *snapshot = arg;
  int64_t number = 2;
  sem_wait(&snapshot->read_once);
  if (store_write(snapshot->store, insert_number, &number, NULL) != RES_OK)
    number = 0;
  sem_post(&snapshot->written);
  return number ? snapshot : NULL;
}

static void
test_snapshot(void)
{
  char *directory = scratch_new();
  OWN(store) store = open_with_table(directory);
  struct snapshot snapshot = { .store = store, .first = -1, .second = -1 };
  pthread_t thread;
  void *wrote = NULL;
  g_autoptr(GError) error = NULL;
  int64_t number = 1;
  g_assert_cmpint(store_write(store, insert_number, &number, &error), ==, RES_OK);
  sem_init(&snapshot.read_once, 0, 0);
  sem_init(&snapshot.written, 0, 0);
  g_assert_cmpint(pthread_create(&thread, NULL, write_between, &snapshot), ==, 0);
  g_assert_cmpint(store_read(store, read_twice, &snapshot, &error), ==, RES_OK);
  pthread_join(thread, &wrote);
  g_assert_nonnull(wrote); /* the writer did not wait for the reader */
  g_assert_cmpint(snapshot.first, ==, 1);
  g_assert_cmpint(snapshot.second, ==, 1);
  g_assert_cmpint(counted(store), ==, 2);
  sem_destroy(&snapshot.read_once);
  sem_destroy(&snapshot.written);
  store_free(OWN_GIVE(store));
  scratch_free(directory);
}

/* --- beside other processes --- */

static void
test_version(void)
{
  char *directory = scratch_new();
  OWN(store) store = open_with_table(directory);
  OWN(store) command = open_in(directory, STORE_COMMAND);
  g_autoptr(GError) error = NULL;
  int64_t before = -1, after = -1, number = 1;
  g_assert_cmpint(store_version(store, &before, &error), ==, RES_OK);
  g_assert_cmpint(counted(store), ==, 0);
  g_assert_cmpint(store_version(store, &after, &error), ==, RES_OK);
  g_assert_cmpint(before, ==, after); /* nobody wrote */

  g_assert_cmpint(store_write(command, insert_number, &number, &error), ==, RES_OK);
  g_assert_cmpint(store_version(store, &after, &error), ==, RES_OK);
  g_assert_cmpint(before, !=, after);

  g_assert_cmpint(store_version(command, &before, &error), ==, RES_OK);
  g_assert_cmpint(store_write(store, insert_number, &number, &error), ==, RES_OK);
  g_assert_cmpint(store_version(command, &after, &error), ==, RES_OK);
  g_assert_cmpint(before, !=, after);
  store_free(OWN_GIVE(command));
  store_free(OWN_GIVE(store));
  scratch_free(directory);
}

/* In a process of its own: exits with 0 if all was written. */
static void
write_in_child(const char *directory, enum store_mode mode)
{
  OWN(store) store = open_in(directory, mode);
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(store_write(store, make_table, NULL, &error), ==, RES_OK);
  for (int64_t i = 0; i < 100; i++)
    g_assert_cmpint(store_write(store, insert_number, &i, &error), ==, RES_OK);
  store_free(OWN_GIVE(store));
}

/* All begin with no database at all: who comes first makes it. */
static void
test_processes(void)
{
  static const enum store_mode modes[] = { STORE_SERVER, STORE_COMMAND, STORE_COMMAND };
  char *directory = scratch_new();
  pid_t children[G_N_ELEMENTS(modes)];
  for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
    children[i] = fork();
    g_assert_cmpint(children[i], >=, 0);
    if (children[i] == 0) {
      write_in_child(directory, modes[i]);
      _exit(0);
    }
  }
  for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
    int status = -1;
    g_assert_cmpint(waitpid(children[i], &status, 0), ==, children[i]);
    g_assert_cmpint(status, ==, 0);
  }
  OWN(store) store = open_in(directory, STORE_COMMAND);
  g_assert_cmpint(counted(store), ==, 100 * (int64_t)G_N_ELEMENTS(modes));
  store_free(OWN_GIVE(store));
  scratch_free(directory);
}

/* --- opening --- */

static const struct {
  const char *name, *url, *content;
  enum res want;
  const char *message;
} open_rows[] = {
  { .name = "no URL", .url = NULL, .want = RES_BAD, .message = "sqlite:PATH" },
  { .name = "a bare path", .url = "test.db", .want = RES_BAD, .message = "sqlite:PATH" },
  { .name = "no path", .url = "sqlite:", .want = RES_BAD, .message = "sqlite:PATH" },
  { .name = "PostgreSQL", .url = "postgresql://localhost/x", .want = RES_BAD, .message = "not supported yet" },
  { .name = "a directory that is not there", .url = "sqlite:/nowhere/x.db", .want = RES_TEMP, .message = "/nowhere/x.db" },
  { .name = "a directory in its place", .url = "sqlite:/", .want = RES_TEMP, .message = "/" },
  { .name = "no database", .url = "sqlite:test.db",
    .content = "From someone who keeps other things in a file that has this name; it is longer than a header of SQLite, which has one hundred octets.",
    .want = RES_TEMP, .message = "test.db: file is not a database; move the file away" },
};

static void
test_open_refused(void)
{
  char *directory = scratch_new();
  for (size_t i = 0; i < G_N_ELEMENTS(open_rows); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(directory, "test.db", NULL);
    OWN(store) store = NULL;
    g_test_message("%s", open_rows[i].name);
    if (open_rows[i].content)
      g_assert_true(g_file_set_contents(path, open_rows[i].content, -1, NULL));
    enum res res = store_open(&(struct store_options){ .url = open_rows[i].url, .state_dir = directory }, &store, &error);
    g_assert_cmpint(res, ==, open_rows[i].want);
    g_assert_null(store);
    g_assert_nonnull(strstr(error->message, open_rows[i].message));
  }
  scratch_free(directory);
}

static void
test_file_modes(void)
{
  char *directory = scratch_new();
  g_autofree char *state_dir = g_build_filename(directory, "state", NULL);
  g_autofree char *path = g_build_filename(state_dir, "test.db", NULL);
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  struct stat status;
  mode_t before = umask(0);
  OWN(store) store = open_with_table(state_dir);
  umask(before);
  g_assert_cmpint(stat(state_dir, &status), ==, 0);
  g_assert_cmpint(status.st_mode & 07777, ==, 0700);
  g_assert_cmpint(stat(path, &status), ==, 0);
  g_assert_cmpint(status.st_mode & 07777, ==, 0600);
  g_assert_cmpint(stat(wal, &status), ==, 0);
  g_assert_cmpint(status.st_mode & 07777, ==, 0600);
  store_free(OWN_GIVE(store));
  g_assert_cmpint(stat(wal, &status), !=, 0); /* an orderly end leaves one file */
  scratch_free(g_steal_pointer(&state_dir));
  scratch_free(directory);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/store/processes", test_processes); /* first: it forks */
  g_test_add_func("/store/values", test_values);
  g_test_add_func("/store/values-in-table", test_values_in_table);
  g_test_add_func("/store/statements", test_statements);
  g_test_add_func("/store/statement-use", test_statement_use);
  g_test_add_data_func("/store/failures/server", GINT_TO_POINTER(STORE_SERVER), test_failures);
  g_test_add_data_func("/store/failures/command", GINT_TO_POINTER(STORE_COMMAND), test_failures);
  g_test_add_func("/store/many-threads", test_many_threads);
  g_test_add_func("/store/snapshot", test_snapshot);
  g_test_add_func("/store/version", test_version);
  g_test_add_func("/store/open-refused", test_open_refused);
  g_test_add_func("/store/file-modes", test_file_modes);
  return g_test_run();
}
