/* Brings a file to the schema that this program knows. The version is kept in SQLite's header (user_version), and so is
 * the mark by which a database of ours is known (application_id). */
#include "store/migrations.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "store/checkpoint.h"
#include "store/copy.h"
#include <sys/stat.h>
#include <unistd.h>

/* Another process may be migrating a large database. */
#define PATIENCE (10 * CLOCK_MINUTE)
/* Readers that keep the log from being emptied are not worth waiting for. */
#define READER_PATIENCE (CLOCK_SECOND / 5)

struct state {
  int64_t application, version, objects; /* objects: tables, indexes … */
};

struct run {
  const struct migration_plan *plan;
  struct connection *connection;
  struct pulse pulse;
  int source; /* see copy_make() */
};

int64_t
migration_newest(struct migration_list list)
{
  return list.n ? list.items[list.n - 1].version : 0;
}

/* --- the text --- */

static const struct {
  const char *word, *meaning;
} dialect[] = {
  { "$ID", "INTEGER PRIMARY KEY AUTOINCREMENT" },
  { "$BYTES", "BLOB" },
};

static const char *
meaning_of(struct slice word)
{
  for (size_t i = 0; i < G_N_ELEMENTS(dialect); i++)
    if (slice_equal(word, slice_of(dialect[i].word)))
      return dialect[i].meaning;
  return NULL;
}

static enum res
translate(const char *sql, GString *out, GError **error)
{
  while (*sql) {
    size_t plain = strcspn(sql, "$");
    g_string_append_len(out, sql, (gssize)plain);
    sql += plain;
    if (*sql == '\0')
      break;
    struct slice word = { sql, 1 };
    while (g_ascii_isupper(word.p[word.n]))
      word.n++;
    const char *meaning = meaning_of(word);
    if (meaning == NULL)
      return trouble(error, REPLY_TROUBLE, "a migration says \"%.*s\", which means nothing", SLICE_FMT(word));
    g_string_append(out, meaning);
    sql += word.n;
  }
  return RES_OK;
}

/* --- the file --- */

static enum res
look(struct connection *connection, struct state *state, GError **error)
{
  enum res res = connection_int(connection, "PRAGMA application_id", &state->application, error);
  if (res == RES_OK)
    res = connection_int(connection, "PRAGMA user_version", &state->version, error);
  if (res == RES_OK)
    res = connection_int(connection, "SELECT count(*) FROM sqlite_schema", &state->objects, error);
  return res;
}

/* Ours, and not newer than us? */
static enum res
judge(const struct migration_plan *plan, const struct state *state, GError **error)
{
  int64_t newest = migration_newest(plan->migrations);
  bool fresh = state->objects == 0 && state->version == 0 && state->application == 0;
  if (!fresh && state->application != APPLICATION_ID)
    return trouble(error, REPLY_TROUBLE, "%s: this SQLite database belongs to another program; move it away or correct [database] url", plan->path);
  if (state->version <= newest)
    return RES_OK;
  return refuse(error, REPLY_TROUBLE,
                "%s: its schema is version %" G_GINT64_FORMAT ", and this program knows those up to %" G_GINT64_FORMAT
                ": install the newer Listward that wrote it, or restore the copy %s.pre-v%" G_GINT64_FORMAT,
                plan->path, state->version, newest, plan->path, newest + 1);
}

/* So that a file that a burst of mail has blown up can be made smaller again without rewriting it. Means something in a new file alone,
 * before anything else is in it: that is why it is decided here and not in the schema. */
static enum res
let_it_shrink(struct connection *connection, GError **error)
{
  return connection_run(connection, "PRAGMA auto_vacuum=INCREMENTAL", error);
}

/* The engine may say "busy" at once here, without asking our handler. */
static enum res
use_wal(struct connection *connection, GError **error)
{
  int64_t deadline = clock_monotonic() + PATIENCE;
  for (;;) {
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(connection->db, "PRAGMA journal_mode=WAL", -1, &stmt, NULL);
    if (code == SQLITE_OK)
      code = sqlite3_step(stmt);
    bool set = code == SQLITE_ROW && g_strcmp0((const char *)sqlite3_column_text(stmt, 0), "wal") == 0;
    enum res res = RES_OK;
    if (code != SQLITE_ROW)
      res = connection_fail(connection, "setting the journal mode", error);
    else if (!set)
      res = trouble(error, REPLY_TROUBLE, "%s: no write-ahead log is possible on this file system; use a local one", connection->path);
    sqlite3_finalize(stmt);
    if ((code & 0xff) != SQLITE_BUSY || clock_monotonic() > deadline)
      return res;
    g_clear_error(error);
    g_usleep(1000);
  }
}

static bool
wal_is_empty(const char *path)
{
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  struct stat status;
  return stat(wal, &status) != 0 || status.st_size == 0;
}

/* --- the migration --- */

static enum res
make_copy(struct run *run, GError **error)
{
  const struct migration_plan *plan = run->plan;
  g_autofree char *target = g_strdup_printf("%s.pre-v%" G_GINT64_FORMAT, plan->path, migration_newest(plan->migrations));
  log_note("copying the database before its migration", log_str("copy", target));
  struct copy copy = { .path = plan->path, .target = target, .wal_empty = wal_is_empty(plan->path), .pulse = &run->pulse };
  return copy_make(&copy, &run->source, error);
}

static enum res
apply_one(struct connection *connection, const struct migration *migration, GError **error)
{
  g_autoptr(GString) sql = g_string_new(NULL);
  enum res res = translate(migration->sql, sql, error);
  if (res != RES_OK)
    return res;
  g_autofree char *doing = g_strdup_printf("migration to version %" G_GINT64_FORMAT, migration->version);
  if (sqlite3_exec(connection->db, sql->str, NULL, NULL, NULL) != SQLITE_OK)
    return connection_fail(connection, doing, error) == RES_OK ? RES_OK : RES_TEMP;
  return RES_OK;
}

/* They were off: a migration may rebuild tables that others refer to. */
static enum res
check_references(struct connection *connection, GError **error)
{
  int64_t row;
  enum res res = connection_int(connection, "PRAGMA foreign_key_check", &row, error);
  if (res == RES_MORE)
    return RES_OK;
  return res == RES_OK ? trouble(error, REPLY_TROUBLE, "%s: after the migration a row refers to one that is not there", connection->path) : res;
}

static enum res
apply_from(struct run *run, int64_t version, GError **error)
{
  struct migration_list list = run->plan->migrations;
  enum res res = RES_OK;
  for (size_t i = 0; res == RES_OK && i < list.n; i++)
    if (list.items[i].version > version)
      res = apply_one(run->connection, &list.items[i], error);
  if (res == RES_OK)
    res = check_references(run->connection, error);
  if (res != RES_OK)
    return res;
  g_autofree char *marks = g_strdup_printf("PRAGMA user_version=%" G_GINT64_FORMAT "; PRAGMA application_id=%" G_GINT64_FORMAT,
                                           migration_newest(list), APPLICATION_ID);
  if (sqlite3_exec(run->connection->db, marks, NULL, NULL, NULL) != SQLITE_OK)
    return connection_fail(run->connection, "marking the version", error);
  return RES_OK;
}

/* In the write transaction: looks again, since another process may have been quicker. */
static enum res
migrate(struct run *run, GError **error)
{
  struct state state = { 0 };
  int64_t newest = migration_newest(run->plan->migrations);
  enum res res = look(run->connection, &state, error);
  if (res == RES_OK)
    res = judge(run->plan, &state, error);
  if (res != RES_OK || state.version == newest)
    return res;
  if (state.objects > 0 && !run->plan->no_backup)
    res = make_copy(run, error);
  CRASH_POINT("migration-copied");
  if (res == RES_OK)
    res = apply_from(run, state.version, error);
  CRASH_POINT("migration-written");
  if (res == RES_OK)
    log_note("database migrated", log_str("file", run->plan->path), log_int("from", state.version), log_int("to", newest));
  return res;
}

static enum res
migrate_in_transaction(struct run *run, GError **error)
{
  run->connection->patience = READER_PATIENCE;
  (void)!checkpoint_run(run->connection, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL); /* if it fails, the copy takes longer */
  run->connection->patience = PATIENCE;
  enum res res = connection_run(run->connection, "BEGIN IMMEDIATE", error);
  if (res == RES_OK)
    res = migrate(run, error);
  if (res == RES_OK)
    res = connection_run(run->connection, "COMMIT", error);
  CRASH_POINT("migration-committed");
  connection_rollback(run->connection);
  return res;
}

static enum res
apply(struct run *run, GError **error)
{
  const struct migration_plan *plan = run->plan;
  OWN(connection) connection = NULL;
  struct state state = { 0 };
  enum res res = connection_open(&(struct connection_options){ .path = plan->path, .cache_kib = 1024, .statements = 8, .patience = PATIENCE,
                                                               .foreign_keys_off = true, .pulse = &run->pulse },
                                 &connection, error);
  if (res == RES_OK)
    res = look(connection, &state, error);
  if (res == RES_OK)
    res = judge(plan, &state, error);
  if (res == RES_OK && state.version == 0)
    res = let_it_shrink(connection, error);
  if (res == RES_OK)
    res = use_wal(connection, error);
  if (res != RES_OK || state.version == migration_newest(plan->migrations))
    return res;
  run->connection = connection;
  return migrate_in_transaction(run, error);
}

enum res
migrations_apply(const struct migration_plan *plan, GError **error)
{
  struct run run = { .plan = plan, .pulse = { plan->migrating, plan->migrating_arg, clock_monotonic() }, .source = -1 };
  enum res res = apply(&run, error);
  if (run.source >= 0)
    close(run.source);
  return res;
}
