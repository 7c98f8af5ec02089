#include "store/store.h"
#include "store/scratch_items.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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
  { .name = "nothing there", .write = insert_and_say_more, .want = RES_MORE, .reply = REPLY_OK },
  { .name = "full disk", .write = fill_the_disk, .want = RES_TEMP, .reply = REPLY_FULL, .message = "make room" },
};

static void
test_failures(gconstpointer mode)
{
  char *directory = scratch_new();
  store_free(open_with_table(directory));
  OWN(store) store = scratch_store(directory, (enum store_mode)GPOINTER_TO_INT(mode));
  int64_t number = 1;
  for (size_t i = 0; i < G_N_ELEMENTS(failure_rows); i++) {
    g_autoptr(GError) error = NULL;
    g_test_message("%s", failure_rows[i].name);
    g_assert_cmpint(store_write(store, failure_rows[i].write, NULL, &error), ==, failure_rows[i].want);
    g_assert_cmpint(error_reply(error, REPLY_OK), ==, failure_rows[i].reply);
    g_assert_true(failure_rows[i].message ? strstr(error->message, failure_rows[i].message) != NULL : error == NULL);
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
    else if (counted(writer->store) < i / 2) /* it sees at least its own */
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

  store = scratch_store(directory, STORE_COMMAND);
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

/* --- the pool of readers --- */

#define READERS 20
#define POOL 8

static _Atomic int reading, most_reading;

/* Does not end before the pool is in use as a whole. */
static enum res
read_together(struct tx *tx, void *arg, GError **error)
{
  int now = ++reading;
  int most = most_reading;
  while (now > most && !atomic_compare_exchange_weak(&most_reading, &most, now))
    ;
  while (most_reading < POOL)
    sched_yield();
  enum res res = count_items(tx, arg, error);
  reading--;
  return res;
}

static void *
read_in_thread(void *store)
{
  int64_t n = -1;
  return store_read(store, read_together, &n, NULL) == RES_OK && n == 0 ? store : NULL;
}

static void
test_readers(void)
{
  char *directory = scratch_new();
  OWN(store) store = open_with_table(directory);
  pthread_t threads[READERS];
  for (int i = 0; i < READERS; i++)
    g_assert_cmpint(pthread_create(&threads[i], NULL, read_in_thread, store), ==, 0);
  for (int i = 0; i < READERS; i++) {
    void *done = NULL;
    pthread_join(threads[i], &done);
    g_assert_nonnull(done);
  }
  g_assert_cmpint(most_reading, ==, POOL);
  store_free(OWN_GIVE(store));
  scratch_free(directory);
}

/* --- beside other processes --- */

static void
test_version(void)
{
  char *directory = scratch_new();
  OWN(store) store = open_with_table(directory);
  OWN(store) command = scratch_store(directory, STORE_COMMAND);
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
  OWN(store) store = scratch_store(directory, mode);
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
  OWN(store) store = scratch_store(directory, STORE_COMMAND);
  g_assert_cmpint(counted(store), ==, 100 * (int64_t)G_N_ELEMENTS(modes));
  store_free(OWN_GIVE(store));
  scratch_free(directory);
}

/* --- a process that is killed --- */

struct teller {
  struct store *store;
  int64_t first;
  int pipe;
};

/* Says which numbers are said to be durable, until it dies. */
static void *
write_and_tell(void *arg)
{
  struct teller *teller = arg;
  for (int64_t number = teller->first;; number++)
    if (store_write(teller->store, insert_number, &number, NULL) != RES_OK || write(teller->pipe, &number, sizeof number) != sizeof number)
      _exit(1);
}

static void
write_until_killed(const char *directory, int pipe)
{
  struct teller tellers[4];
  pthread_t threads[G_N_ELEMENTS(tellers)];
  struct store *store = open_with_table(directory);
  for (int i = 0; i < (int)G_N_ELEMENTS(tellers); i++) {
    tellers[i] = (struct teller){ store, i * INT64_C(1000000), pipe };
    g_assert_cmpint(pthread_create(&threads[i], NULL, write_and_tell, &tellers[i]), ==, 0);
  }
  for (int i = 0; i < (int)G_N_ELEMENTS(tellers); i++)
    pthread_join(threads[i], NULL);
}

static enum res
find_number(struct tx *tx, void *arg, GError **error)
{
  int64_t n = 0;
  enum res res = sql_int_of(tx, "SELECT count(*) FROM item WHERE number = $1", SQL_ARGS(sql_int(*(int64_t *)arg)), &n, error);
  g_assert_cmpint(n, ==, 1);
  return res;
}

static void
test_killed(void)
{
  char *directory = scratch_new();
  int ends[2], told = 0, status = -1;
  g_assert_cmpint(pipe(ends), ==, 0);
  pid_t child = fork();
  g_assert_cmpint(child, >=, 0);
  if (child == 0)
    write_until_killed(directory, ends[1]);
  close(ends[1]);
  g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(int64_t));
  int64_t number;
  while (read(ends[0], &number, sizeof number) == sizeof number) {
    g_array_append_val(numbers, number);
    if (++told == 200)
      g_assert_cmpint(kill(child, SIGKILL), ==, 0);
  }
  close(ends[0]);
  g_assert_cmpint(waitpid(child, &status, 0), ==, child);
  g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

  OWN(store) store = scratch_store(directory, STORE_SERVER);
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(counted(store), >=, told);
  for (guint i = 0; i < numbers->len; i++)
    g_assert_cmpint(store_read(store, find_number, &g_array_index(numbers, int64_t, i), &error), ==, RES_OK);
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
test_damaged(void)
{
  char *directory = scratch_new();
  g_autofree char *path = g_build_filename(directory, "test.db", NULL);
  g_autoptr(GError) error = NULL;
  char garbage[3000];
  memset(garbage, 0xa5, sizeof garbage);
  store_free(open_with_table(directory));
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  g_assert_cmpint(pwrite(fd, garbage, sizeof garbage, 100), ==, (ssize_t)sizeof garbage);
  close(fd);
  struct store *store = NULL;
  g_assert_cmpint(store_open(&(struct store_options){ .url = "sqlite:test.db", .state_dir = directory }, &store, &error), ==, RES_TEMP);
  g_assert_null(store);
  g_assert_nonnull(strstr(error->message, "test.db"));
  g_assert_nonnull(strstr(error->message, "put a backup in its place"));
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
  g_test_add_func("/store/killed", test_killed);       /* it too */
  g_test_add_data_func("/store/failures/server", GINT_TO_POINTER(STORE_SERVER), test_failures);
  g_test_add_data_func("/store/failures/command", GINT_TO_POINTER(STORE_COMMAND), test_failures);
  g_test_add_func("/store/many-threads", test_many_threads);
  g_test_add_func("/store/snapshot", test_snapshot);
  g_test_add_func("/store/readers", test_readers);
  g_test_add_func("/store/version", test_version);
  g_test_add_func("/store/open-refused", test_open_refused);
  g_test_add_func("/store/damaged", test_damaged);
  g_test_add_func("/store/file-modes", test_file_modes);
  return g_test_run();
}
