/* SQLite connections: how they are opened and set, how long they wait for others, and what their errors mean. */
#include "store/connection.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/damage.h"
#include "store/descriptor_vfs.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define WARN_EVERY (10 * CLOCK_SECOND)
#define TELL_EVERY CLOCK_MINUTE
/* Shorter than the pause a command makes between two writes (committer.c), so that the server gets its turn. */
#define POLL_US 1000
/* Instructions of SQLite's machine between two looks at the clock, where somebody wants a pulse. */
#define PULSE_EVERY 100000

/* What a long reader has let the WAL's file grow to is cut down to this when the log begins anew (octets). */
#define WAL_KEPT (64 * 1024 * 1024)

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static _Thread_local bool calling;

static void
library_start(void)
{
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* saves a process-wide lock per allocation */
  sqlite3_initialize();
  descriptor_vfs_register();
}

void
pulse_beat(struct pulse *pulse)
{
  int64_t now = clock_monotonic();
  if (pulse == NULL || pulse->beat == NULL || now - pulse->last < CLOCK_SECOND)
    return;
  pulse->last = now;
  pulse->beat(pulse->arg);
}

static int
still_running(void *arg)
{
  pulse_beat(arg);
  return 0;
}

/* Another process is writing: sleep a little, or give up. */
static int
wait_for_writer(void *arg, int round)
{
  struct connection *connection = arg;
  int64_t now = clock_monotonic();
  if (round == 0)
    connection->waits_since = connection->warned_at = now;
  if (now - connection->waits_since >= connection->patience)
    return 0;
  if (now - connection->warned_at >= WARN_EVERY) {
    connection->warned_at = now;
    log_warn("waiting for another process's write", log_str("file", connection->path),
             log_int("seconds", (now - connection->waits_since) / CLOCK_SECOND));
  }
  pulse_beat(connection->pulse);
  g_usleep(POLL_US);
  return 1;
}

/* --- errors --- */

static const struct {
  int code;
  enum res res;
  enum reply reply;
} outcomes[] = {
  { SQLITE_FULL, RES_TEMP, REPLY_FULL },
  { SQLITE_CONSTRAINT, RES_BAD, REPLY_TROUBLE },
};

/* What to do about it, for the postmaster. */
static const struct {
  int code;
  const char *text;
} advices[] = {
  { SQLITE_FULL, "; make room on the disk" },
  { SQLITE_BUSY, "; another process has been writing to it for too long" },
  { SQLITE_NOTADB, "; move the file away or restore a copy of the database, or correct [database] url" },
  { SQLITE_CORRUPT, DAMAGE_ADVICE },
  { SQLITE_READONLY, "; it must be writable for the user the server runs as" },
  { SQLITE_CANTOPEN, "; it and its directory must be writable for the user the server runs as" },
};

static const char *
advice_for(int code)
{
  for (size_t i = 0; i < G_N_ELEMENTS(advices); i++)
    if (advices[i].code == code)
      return advices[i].text;
  return "";
}

static const char *
advice_about(sqlite3 *db, int code)
{
  bool no_descriptor = code == SQLITE_CANTOPEN && (sqlite3_system_errno(db) == EMFILE || sqlite3_system_errno(db) == ENFILE);
  return no_descriptor ? "; too many files are open: raise the limit (LimitNOFILE, ulimit -n)" : advice_for(code);
}

static int
failure_code(sqlite3 *db)
{
  int code = sqlite3_errcode(db) & 0xff;
  if (code == SQLITE_IOERR && (sqlite3_system_errno(db) == ENOSPC || sqlite3_system_errno(db) == EDQUOT))
    return SQLITE_FULL;
  return code;
}

/* Whatever does not need the damaged pages goes on, and may meet them each second: that is an alarm once a minute. */
static void
tell_damage(const struct connection *connection, const char *said, const char *doing)
{
  static _Atomic int64_t told_at;
  int64_t now = clock_monotonic(), before = atomic_load(&told_at);
  if ((before == 0 || now - before >= TELL_EVERY) && atomic_compare_exchange_strong(&told_at, &before, now))
    log_alarm("the database is damaged", log_str("file", connection->path), log_str("error", said), log_str("doing", doing));
}

enum res
connection_fail(struct connection *connection, const char *doing, GError **error)
{
  int code = failure_code(connection->db);
  enum res res = RES_TEMP;
  enum reply reply = REPLY_TROUBLE;
  for (size_t i = 0; i < G_N_ELEMENTS(outcomes); i++)
    if (outcomes[i].code == code) {
      res = outcomes[i].res;
      reply = outcomes[i].reply;
    }
  const char *said = sqlite3_errmsg(connection->db);
  if (code == SQLITE_CORRUPT)
    tell_damage(connection, said, doing);
  if (res == RES_BAD)
    return refuse(error, reply, "%s: %s (%s)", connection->path, said, doing);
  return trouble(error, reply, "%s: %s%s (%s)", connection->path, said, advice_about(connection->db, code), doing);
}

/* --- opening --- */

static enum res
set_up(struct connection *connection, const struct connection_options *options, GError **error)
{
  static const int flags[][2] = {
    { SQLITE_DBCONFIG_DEFENSIVE, 1 },
    { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
    { SQLITE_DBCONFIG_DQS_DML, 0 }, /* "x" is a name, as in PostgreSQL */
    { SQLITE_DBCONFIG_DQS_DDL, 0 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(flags); i++)
    sqlite3_db_config(connection->db, flags[i][0], flags[i][1], NULL);
  sqlite3_db_config(connection->db, SQLITE_DBCONFIG_ENABLE_FKEY, options->foreign_keys_off ? 0 : 1, NULL);
  sqlite3_busy_handler(connection->db, wait_for_writer, connection);
  sqlite3_wal_autocheckpoint(connection->db, 0);
  if (options->pulse)
    sqlite3_progress_handler(connection->db, PULSE_EVERY, still_running, options->pulse);

  g_autofree char *sql = g_strdup_printf("PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0; PRAGMA secure_delete=FAST;"
                                         "PRAGMA journal_size_limit=%d; PRAGMA cache_size=-%d; PRAGMA query_only=%d;",
                                         WAL_KEPT, options->cache_kib, options->query_only);
  if (sqlite3_exec(connection->db, sql, NULL, NULL, NULL) != SQLITE_OK)
    return connection_fail(connection, "setting up", error);
  return RES_OK;
}

enum res
connection_open(const struct connection_options *options, struct connection **connection, GError **error)
{
  pthread_once(&library_once, library_start);
  OWN(connection) made = g_new0(struct connection, 1);
  made->path = g_strdup(options->name ? options->name : options->path);
  made->slots = options->statements;
  made->statements = g_new0(struct statement, made->slots);
  made->patience = options->patience;
  made->pulse = options->pulse;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (sqlite3_open_v2(options->path, &made->db, flags, options->vfs) != SQLITE_OK)
    return connection_fail(made, "opening", error);
  if (sqlite3_db_readonly(made->db, "main") == 1)
    return trouble(error, REPLY_TROUBLE, "%s: cannot be written%s", made->path, advice_for(SQLITE_READONLY));
  enum res res = set_up(made, options, error);
  if (res == RES_OK)
    *connection = OWN_GIVE(made);
  return res;
}

void
connection_close(struct connection *connection)
{
  if (connection == NULL)
    return;
  for (size_t i = 0; i < connection->slots; i++)
    sqlite3_finalize(connection->statements[i].stmt);
  g_assert(sqlite3_close(connection->db) == SQLITE_OK);
  g_free(connection->statements);
  g_free(connection->path);
  g_free(connection);
}

/* --- use --- */

enum res
connection_run(struct connection *connection, const char *sql, GError **error)
{
  struct statement *statement;
  enum res res = statement_get(connection, sql, &statement, error);
  if (res != RES_OK)
    return res;
  int code = sqlite3_step(statement->stmt);
  while (code == SQLITE_ROW)
    code = sqlite3_step(statement->stmt);
  if (code != SQLITE_DONE)
    res = connection_fail(connection, sql, error);
  statement_reset(statement);
  return res;
}

enum res
connection_int(struct connection *connection, const char *sql, int64_t *value, GError **error)
{
  struct statement *statement;
  enum res res = statement_get(connection, sql, &statement, error);
  if (res != RES_OK)
    return res;
  int code = sqlite3_step(statement->stmt);
  if (code == SQLITE_ROW)
    *value = sqlite3_column_int64(statement->stmt, 0);
  else
    res = code == SQLITE_DONE ? RES_MORE : connection_fail(connection, sql, error);
  statement_reset(statement);
  return res;
}

bool
connection_in_transaction(struct connection *connection)
{
  return !sqlite3_get_autocommit(connection->db);
}

void
connection_rollback(struct connection *connection)
{
  g_autoptr(GError) error = NULL;
  if (!connection_in_transaction(connection) || connection_run(connection, "ROLLBACK", &error) == RES_OK)
    return;
  log_error("rollback failed", log_err(error)); /* the engine has then rolled back, or will before the next BEGIN */
}

bool
connection_calling(void)
{
  return calling;
}

enum res
connection_call(struct connection *connection, store_fn fn, void *arg, GError **error)
{
  struct tx tx = { .connection = connection };
  g_autoptr(GError) said = NULL;
  calling = true;
  enum res res = fn(&tx, arg, &said);
  calling = false;
  g_assert(tx.open == 0); /* rows must not outlive the function */
  if (res == RES_OK)
    return RES_OK;
  if (said)
    g_propagate_error(error, g_steal_pointer(&said));
  else if (res != RES_MORE)
    trouble(error, REPLY_TROUBLE, "a function of the store failed without a word");
  return res;
}
