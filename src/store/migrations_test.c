#include "store/migrations.h"
#include "base/clock.h"
#include "store/connection.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct migration three[] = {
  { .version = 1, .sql = "CREATE TABLE person(id $ID, name TEXT NOT NULL, picture $BYTES); CREATE TABLE pet(id $ID, person BIGINT REFERENCES person(id));" },
  { .version = 2, .sql = "ALTER TABLE person ADD COLUMN age BIGINT; INSERT INTO person(name) VALUES('two');" },
  { .version = 3, .sql = "INSERT INTO person(name) VALUES('three');" },
};
#define UP_TO(count) ((struct migration_list){ three, (count) })

struct scratch {
  char *directory, *path;
};

static struct scratch
scratch_new(void)
{
  struct scratch scratch = { .directory = g_dir_make_tmp("migrations-XXXXXX", NULL) };
  g_assert_nonnull(scratch.directory);
  scratch.path = g_build_filename(scratch.directory, "x.db", NULL);
  int fd = open(scratch.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  g_assert_cmpint(fd, >=, 0);
  close(fd);
  return scratch;
}

static int
scratch_files(struct scratch scratch)
{
  GDir *dir = g_dir_open(scratch.directory, 0, NULL);
  int n = 0;
  while (g_dir_read_name(dir))
    n++;
  g_dir_close(dir);
  return n;
}

static void
scratch_free(struct scratch scratch)
{
  GDir *dir = g_dir_open(scratch.directory, 0, NULL);
  const char *name;
  while ((name = g_dir_read_name(dir))) {
    g_autofree char *path = g_build_filename(scratch.directory, name, NULL);
    g_unlink(path);
  }
  g_dir_close(dir);
  g_rmdir(scratch.directory);
  g_free(scratch.directory);
  g_free(scratch.path);
}

static struct connection *
connect_to(const char *path)
{
  g_autoptr(GError) error = NULL;
  struct connection *connection = NULL;
  enum res res = connection_open(&(struct connection_options){ .path = path, .cache_kib = 16, .statements = 4 }, &connection, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return connection;
}

static void
execute(const char *path, const char *sql)
{
  OWN(connection) connection = connect_to(path);
  int code = sqlite3_exec(connection->db, sql, NULL, NULL, NULL);
  g_assert_cmpint(code, ==, SQLITE_OK);
}

static int64_t
integer(const char *path, const char *sql)
{
  OWN(connection) connection = connect_to(path);
  g_autoptr(GError) error = NULL;
  int64_t value = -1;
  enum res res = connection_int(connection, sql, &value, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return value;
}

static enum res
migrate(const char *path, struct migration_list list, bool no_backup, GError **error)
{
  return migrations_apply(&(struct migration_plan){ .path = path, .migrations = list, .no_backup = no_backup }, error);
}

static void
must_migrate(const char *path, struct migration_list list)
{
  g_autoptr(GError) error = NULL;
  enum res res = migrate(path, list, false, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
}

static void
test_from_nothing(void)
{
  struct scratch scratch = scratch_new();
  must_migrate(scratch.path, UP_TO(3));
  g_assert_cmpint(integer(scratch.path, "PRAGMA user_version"), ==, 3);
  g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM person WHERE age IS NULL AND picture IS NULL"), ==, 2);
  g_assert_cmpint(scratch_files(scratch), ==, 1); /* nothing to copy */

  must_migrate(scratch.path, UP_TO(3)); /* nothing to do */
  g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM person"), ==, 2);

  /* Ids are never reused. */
  execute(scratch.path, "DELETE FROM person WHERE id = 2; INSERT INTO person(name) VALUES('x');");
  g_assert_cmpint(integer(scratch.path, "SELECT max(id) FROM person"), ==, 3);
  scratch_free(scratch);
}

/* A reader whose snapshot keeps the log from being carried over, and a row that is only in the log. */
static struct connection *
hold_log(const char *path)
{
  struct connection *reader = connect_to(path);
  g_autoptr(GError) error = NULL;
  int64_t n = 0;
  g_assert_cmpint(connection_run(reader, "BEGIN", &error), ==, RES_OK);
  g_assert_cmpint(connection_int(reader, "SELECT count(*) FROM person", &n, &error), ==, RES_OK);
  execute(path, "INSERT INTO person(name) VALUES('in the log')");
  return reader;
}

static void
test_copy(gconstpointer held)
{
  struct scratch scratch = scratch_new();
  g_autofree char *copy = g_strconcat(scratch.path, ".pre-v3", NULL);
  struct stat status;
  OWN(connection) reader = NULL;
  must_migrate(scratch.path, UP_TO(1));
  execute(scratch.path, "INSERT INTO person(name, picture) VALUES('one', randomblob(5000000))");
  if (held)
    reader = hold_log(scratch.path);

  must_migrate(scratch.path, UP_TO(3));
  connection_close(OWN_GIVE(reader));
  int64_t before = held ? 2 : 1;
  g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM person"), ==, before + 2);
  g_assert_cmpint(stat(copy, &status), ==, 0);
  g_assert_cmpint(status.st_mode & 07777, ==, 0600);
  g_assert_cmpint(scratch_files(scratch), ==, 2);
  g_assert_cmpint(integer(copy, "PRAGMA user_version"), ==, 1);
  g_assert_cmpint(integer(copy, "SELECT count(*) FROM person"), ==, before);
  g_assert_cmpint(integer(copy, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), ==, 1);

  /* And an older program runs on it. */
  must_migrate(copy, UP_TO(1));
  scratch_free(scratch);
}

static void
test_without_copy(void)
{
  struct scratch scratch = scratch_new();
  g_autoptr(GError) error = NULL;
  must_migrate(scratch.path, UP_TO(1));
  g_assert_cmpint(migrate(scratch.path, UP_TO(3), true, &error), ==, RES_OK);
  g_assert_cmpint(scratch_files(scratch), ==, 1);
  g_assert_cmpint(integer(scratch.path, "PRAGMA user_version"), ==, 3);
  scratch_free(scratch);
}

/* The file is made to look larger than any disk; the log is not empty, so that no reflink will do. */
static void
test_no_room(void)
{
  struct scratch scratch = scratch_new();
  g_autoptr(GError) error = NULL;
  must_migrate(scratch.path, UP_TO(1));
  if (truncate(scratch.path, INT64_C(8) << 40) != 0) {
    g_test_skip("this file system has no sparse files of 8 TiB");
    scratch_free(scratch);
    return;
  }
  OWN(connection) reader = hold_log(scratch.path);
  g_assert_cmpint(migrate(scratch.path, UP_TO(3), false, &error), ==, RES_TEMP);
  connection_close(OWN_GIVE(reader));
  g_assert_cmpint(error_reply(error, REPLY_OK), ==, REPLY_FULL);
  g_assert_nonnull(strstr(error->message, "--no-backup"));
  g_assert_cmpint(integer(scratch.path, "PRAGMA user_version"), ==, 1);
  g_assert_cmpint(scratch_files(scratch), ==, 1); /* no half copy */
  g_clear_error(&error);
  g_assert_cmpint(migrate(scratch.path, UP_TO(3), true, &error), ==, RES_OK);
  scratch_free(scratch);
}

static const struct {
  const char *name, *before, *sql;
  enum res want;
  const char *message;
} failure_rows[] = {
  { .name = "wrong SQL, after right SQL", .sql = "INSERT INTO person(name) VALUES('lost'); NONSENSE;", .want = RES_TEMP, .message = "version 2" },
  { .name = "constraint", .sql = "INSERT INTO person(name) VALUES('lost'); INSERT INTO person(name) VALUES(NULL);", .want = RES_TEMP,
    .message = "NOT NULL" },
  { .name = "unknown word", .sql = "CREATE TABLE x(id $IDENT)", .want = RES_TEMP, .message = "$IDENT" },
  { .name = "dangling reference", .sql = "INSERT INTO pet(person) VALUES(77)", .want = RES_TEMP, .message = "refers to" },
  { .name = "newer schema", .before = "PRAGMA user_version=9", .sql = "SELECT 1", .want = RES_BAD, .message = "version 9" },
  { .name = "another program's", .before = "PRAGMA application_id=1", .sql = "SELECT 1", .want = RES_TEMP, .message = "another program" },
};

static void
test_failures(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(failure_rows); i++) {
    struct scratch scratch = scratch_new();
    g_autoptr(GError) error = NULL;
    struct migration two[] = { three[0], { .version = 2, .sql = failure_rows[i].sql } };
    g_test_message("%s", failure_rows[i].name);
    must_migrate(scratch.path, UP_TO(1));
    if (failure_rows[i].before)
      execute(scratch.path, failure_rows[i].before);
    int64_t version = integer(scratch.path, "PRAGMA user_version");
    g_assert_cmpint(migrate(scratch.path, (struct migration_list){ two, 2 }, false, &error), ==, failure_rows[i].want);
    g_assert_nonnull(strstr(error->message, failure_rows[i].message));
    g_assert_cmpint(integer(scratch.path, "PRAGMA user_version"), ==, version);
    g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM person"), ==, 0);
    scratch_free(scratch);
  }
}

/* A file of somebody else's is not changed by a single octet. */
static void
test_foreign(void)
{
  struct scratch scratch = scratch_new();
  g_autofree char *before = NULL, *after = NULL;
  gsize n_before, n_after;
  g_autoptr(GError) error = NULL;
  execute(scratch.path, "CREATE TABLE cookies(x)");
  g_assert_true(g_file_get_contents(scratch.path, &before, &n_before, NULL));
  g_assert_cmpint(migrate(scratch.path, UP_TO(3), false, &error), ==, RES_TEMP);
  g_assert_nonnull(strstr(error->message, "another program"));
  g_assert_true(g_file_get_contents(scratch.path, &after, &n_after, NULL));
  g_assert_cmpuint(n_before, ==, n_after);
  g_assert_true(memcmp(before, after, n_after) == 0);
  scratch_free(scratch);
}

/* Tables that others refer to may be rebuilt. */
static void
test_rebuild(void)
{
  static const struct migration rebuild[] = {
    { .version = 1, .sql = "CREATE TABLE person(id $ID, name TEXT); CREATE TABLE pet(id $ID, person BIGINT REFERENCES person(id) ON DELETE CASCADE);"
                           "INSERT INTO person(name) VALUES('a'); INSERT INTO pet(person) VALUES(1);" },
    { .version = 2, .sql = "CREATE TABLE person_new(id $ID, name TEXT, age BIGINT); INSERT INTO person_new(id, name) SELECT id, name FROM person;"
                           "DROP TABLE person; ALTER TABLE person_new RENAME TO person;" },
  };
  struct scratch scratch = scratch_new();
  must_migrate(scratch.path, (struct migration_list){ rebuild, 1 });
  must_migrate(scratch.path, (struct migration_list){ rebuild, 2 });
  g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM pet JOIN person ON pet.person = person.id"), ==, 1);
  scratch_free(scratch);
}

static void
test_at_once(void)
{
  struct scratch scratch = scratch_new();
  pid_t children[4];
  must_migrate(scratch.path, UP_TO(1));
  for (size_t i = 0; i < G_N_ELEMENTS(children); i++) {
    children[i] = fork();
    g_assert_cmpint(children[i], >=, 0);
    if (children[i] == 0) {
      must_migrate(scratch.path, UP_TO(3));
      _exit(0);
    }
  }
  for (size_t i = 0; i < G_N_ELEMENTS(children); i++) {
    int status = -1;
    g_assert_cmpint(waitpid(children[i], &status, 0), ==, children[i]);
    g_assert_cmpint(status, ==, 0);
  }
  g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM person"), ==, 2); /* once, not four times */
  scratch_free(scratch);
}

static void
beat(void *arg)
{
  ++*(int *)arg;
}

static void
test_pulse(void)
{
  int beats = 0;
  struct pulse pulse = { .beat = beat, .arg = &beats, .last = clock_monotonic() - 2 * CLOCK_SECOND };
  pulse_beat(&pulse);
  pulse_beat(&pulse);
  g_assert_cmpint(beats, ==, 1);

  struct scratch scratch = scratch_new();
  g_autoptr(GError) error = NULL;
  OWN(connection) connection = NULL;
  int64_t n = 0;
  g_assert_cmpint(connection_open(&(struct connection_options){ .path = scratch.path, .cache_kib = 16, .statements = 4, .pulse = &pulse },
                                  &connection, &error), ==, RES_OK);
  pulse.last = 0;
  g_assert_cmpint(connection_int(connection, "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 100000) SELECT count(*) FROM c", &n,
                                 &error), ==, RES_OK);
  g_assert_cmpint(beats, >=, 2);
  connection_close(OWN_GIVE(connection));
  scratch_free(scratch);
}

/* The schema of this program: numbers in order, and it runs. */
static void
test_schema(void)
{
  struct scratch scratch = scratch_new();
  for (size_t i = 0; i < schema.n; i++)
    g_assert_cmpint(schema.items[i].version, ==, (int64_t)i + 1);
  must_migrate(scratch.path, schema);
  g_assert_cmpint(integer(scratch.path, "PRAGMA auto_vacuum"), ==, 2);
  g_assert_cmpint(integer(scratch.path, "PRAGMA user_version"), ==, migration_newest(schema));
  scratch_free(scratch);
}

/* What waited under version 1 waits on: for the default outlet, in a batch, due at once. */
static void
test_schema_2(void)
{
  struct scratch scratch = scratch_new();
  must_migrate(scratch.path, (struct migration_list){ schema.items, 1 });
  execute(scratch.path, "INSERT INTO message (id, size, accepted, created_at) VALUES (1, 1, 1, 1);"
                        "INSERT INTO posting (id, code, list_id, domain_id, role, address, message_id, state, reverse_path, sender, subject, received_at) "
                        "VALUES (1, 'p', 1, 1, 0, 'ant@example.com', 1, 0, '', '', '', 1);"
                        "INSERT INTO delivery (id, posting_id, list_id, state, roster, last_join, reverse_path, created_at) VALUES (1, 1, 1, 0, 1, 9, 'r', 1), (2, 1, 1, 2, 1, 9, 'r', 1);"
                        "INSERT INTO chunk (delivery_id, state, claimed_at, count, members) VALUES (1, 0, 1, 1, x'01');"
                        "INSERT INTO recipient (delivery_id, address, state, next_at, first_at) VALUES (1, 'm@example.net', 0, 7, 1);"
                        "INSERT INTO bounce (list_id, member_id, address, delivery_id, at, reply) VALUES (1, 1, 'b@example.net', 1, 1, '550')");
  must_migrate(scratch.path, schema);
  g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM delivery WHERE id = 1 AND outlet = '' AND due_at = 0"), ==, 1);
  g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM delivery WHERE id = 2 AND due_at IS NULL"), ==, 1);
  g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM chunk WHERE shape = 0"), ==, 1);
  g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM recipient WHERE shape = 0 AND history = '' AND next_at = 7"), ==, 1);
  g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM bounce WHERE kind = 0"), ==, 1);
  scratch_free(scratch);
}

/* What came in under version 2 is known again, its octets stand where they stood, and what is due is due. */
static void
test_schema_3(void)
{
  struct scratch scratch = scratch_new();
  must_migrate(scratch.path, (struct migration_list){ schema.items, 2 });
  execute(scratch.path, "INSERT INTO message (id, size, accepted, created_at) VALUES (1, 2, 1, 1);"
                        "INSERT INTO message_piece (message_id, number, octets) VALUES (1, 0, x'6869');"
                        "INSERT INTO posting (id, code, list_id, domain_id, role, address, message_id, state, reverse_path, sender, subject, received_at) "
                        "VALUES (1, 'p', 1, 1, 0, 'ant@example.com', 1, 0, '', '', '', 1), (2, 'q', 1, 1, 0, 'ant@example.com', 1, 0, '', '', '', 1);"
                        "INSERT INTO dedupe (list_id, key, posting_id, at) VALUES (1, x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 2, 1);"
                        "INSERT INTO delivery (id, posting_id, list_id, state, roster, last_join, reverse_path, created_at, due_at) "
                        "VALUES (1, 1, 1, 0, 1, 9, 'r', 1, NULL), (2, 2, 1, 0, 1, 9, 'r', 1, 7), (3, 2, 1, 2, 1, 9, 'r', 1, NULL)");
  must_migrate(scratch.path, schema);
  g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM posting WHERE repeat_key = x'000102030405060708090a0b0c0d0e0f' AND id = 2"), ==, 1);
  g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM posting WHERE repeat_key IS NULL"), ==, 1);
  g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM message m JOIN message_piece p ON p.message_id = m.id WHERE m.octets IS NULL AND p.octets = x'6869'"), ==, 1);
  g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM delivery WHERE state = 0 AND due_at IS NOT NULL"), ==, 1);
  g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM delivery WHERE state <> 2"), ==, 2);
  g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM sqlite_schema WHERE name = 'dedupe'"), ==, 0);
  g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), ==, 1);
  scratch_free(scratch);
}

/* What came in under version 3 is as it was; of verdicts in front there is one for a list and a key. */
static void
test_schema_4(void)
{
  struct scratch scratch = scratch_new();
  must_migrate(scratch.path, (struct migration_list){ schema.items, 3 });
  execute(scratch.path, "INSERT INTO message (id, size, accepted, created_at) VALUES (1, 1, 1, 1);"
                        "INSERT INTO posting (id, code, list_id, domain_id, role, address, message_id, state, reverse_path, sender, subject, received_at, repeat_key) "
                        "VALUES (1, 'p', 1, 1, 0, 'ant@example.com', 1, 0, '', '', '', 1, x'000102030405060708090a0b0c0d0e0f')");
  must_migrate(scratch.path, schema);
  g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM posting WHERE repeat_key = x'000102030405060708090a0b0c0d0e0f' AND message_id = 1"), ==, 1);
  execute(scratch.path, "INSERT INTO front_verdict (list_id, key, action, ground, rule, reason, reply, told, at) "
                        "VALUES (1, x'01', 0, 0, '', '', '', 0, 1), (2, x'01', 0, 0, '', '', '', 0, 1);"
                        "INSERT OR IGNORE INTO front_verdict (list_id, key, action, ground, rule, reason, reply, told, at) VALUES (1, x'01', 3, 0, '', '', '', 0, 1)");
  g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM front_verdict WHERE action = 0"), ==, 2);
  g_assert_cmpint(integer(scratch.path, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), ==, 1);
  scratch_free(scratch);
}

/* References that no index answers: taking away the row referred to would read all of the table that refers. Domains and lists are never
 * taken away. */
#define UNINDEXED_REFERENCES                                                                                                         \
  "SELECT count(*) FROM sqlite_schema t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table' "                                  \
  "AND f.\"table\" NOT IN ('domain', 'list') AND NOT EXISTS ("                                                                     \
  "SELECT 1 FROM pragma_index_list(t.name) i, pragma_index_info(i.name) c WHERE c.seqno = 0 AND c.name = f.\"from\" AND i.partial = 0)"

static void
test_references(void)
{
  static const struct migration unindexed[] = {
    { .version = 1, .sql = "CREATE TABLE person(id $ID); CREATE TABLE pet(id $ID, person BIGINT REFERENCES person(id));" },
  };
  struct scratch scratch = scratch_new();
  must_migrate(scratch.path, (struct migration_list){ unindexed, 1 });
  g_assert_cmpint(integer(scratch.path, UNINDEXED_REFERENCES), ==, 1);
  scratch_free(scratch);

  scratch = scratch_new();
  must_migrate(scratch.path, schema);
  g_assert_cmpint(integer(scratch.path, UNINDEXED_REFERENCES), ==, 0);
  scratch_free(scratch);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/migrations/at-once", test_at_once); /* first: it forks */
  g_test_add_func("/migrations/from-nothing", test_from_nothing);
  g_test_add_data_func("/migrations/copy/of-the-file", NULL, test_copy);
  g_test_add_data_func("/migrations/copy/with-the-log", GINT_TO_POINTER(1), test_copy);
  g_test_add_func("/migrations/without-copy", test_without_copy);
  g_test_add_func("/migrations/no-room", test_no_room);
  g_test_add_func("/migrations/failures", test_failures);
  g_test_add_func("/migrations/foreign", test_foreign);
  g_test_add_func("/migrations/rebuild", test_rebuild);
  g_test_add_func("/migrations/pulse", test_pulse);
  g_test_add_func("/migrations/schema", test_schema);
  g_test_add_func("/migrations/schema-2", test_schema_2);
  g_test_add_func("/migrations/schema-3", test_schema_3);
  g_test_add_func("/migrations/schema-4", test_schema_4);
  g_test_add_func("/migrations/references", test_references);
  return g_test_run();
}
