/* Statements inside a store_fn: prepared once per connection, found again by the address of their text. */
#include "store/connection.h"

struct rows {
  struct tx *tx;
  struct statement *statement;
  bool ended; /* one step more would begin again */
};

/* --- the cache: some dozens of pointers, scanned in order --- */

static enum res
prepare(struct connection *connection, const char *sql, sqlite3_stmt **stmt, GError **error)
{
  const char *rest = NULL;
  if (sqlite3_prepare_v3(connection->db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, &rest) != SQLITE_OK)
    return connection_fail(connection, sql, error);
  if (*stmt && *rest == '\0')
    return RES_OK;
  sqlite3_finalize(*stmt);
  *stmt = NULL;
  return trouble(error, REPLY_TROUBLE, "not exactly one statement: %s", sql);
}

static struct statement *
find(struct connection *connection, const char *sql)
{
  for (size_t i = 0; i < connection->slots; i++)
    if (connection->statements[i].sql == sql && connection->statements[i].stmt)
      return &connection->statements[i];
  return NULL;
}

/* A free slot, or the one longest unused. NULL: all are open. */
static struct statement *
make_room(struct connection *connection)
{
  struct statement *oldest = NULL;
  for (size_t i = 0; i < connection->slots; i++) {
    struct statement *slot = &connection->statements[i];
    if (slot->stmt == NULL)
      return slot;
    if (!slot->open && (oldest == NULL || slot->used < oldest->used))
      oldest = slot;
  }
  return oldest;
}

/* SQLite takes $1 for a name and numbers parameters in the order they are met. 0: its name is no number. */
static guint64
parameter_number(sqlite3_stmt *stmt, int at)
{
  const char *name = sqlite3_bind_parameter_name(stmt, at);
  return name ? g_ascii_strtoull(name + 1, NULL, 10) : 0;
}

/* Looked at once: SQLite goes through all names for each. */
static bool
are_in_order(sqlite3_stmt *stmt)
{
  int n = sqlite3_bind_parameter_count(stmt), at = 1;
  while (at <= n && parameter_number(stmt, at) == (guint64)at)
    at++;
  return at > n;
}

enum res
statement_get(struct connection *connection, const char *sql, struct statement **statement, GError **error)
{
  struct statement *slot = find(connection, sql);
  if (slot == NULL)
    slot = make_room(connection);
  if (slot == NULL || slot->open)
    return trouble(error, REPLY_TROUBLE, "%s: %s", slot ? "this statement's rows are still open" : "too many open statements", sql);

  bool same = slot->sql == sql && slot->stmt && strcmp(sqlite3_sql(slot->stmt), sql) == 0;
  if (!same) {
    sqlite3_finalize(slot->stmt);
    *slot = (struct statement){ 0 };
    enum res res = prepare(connection, sql, &slot->stmt, error);
    if (res != RES_OK)
      return res;
    slot->sql = sql;
    slot->in_order = are_in_order(slot->stmt);
  }
  slot->used = ++connection->tick;
  *statement = slot;
  return RES_OK;
}

void
statement_reset(struct statement *statement)
{
  sqlite3_reset(statement->stmt);
  sqlite3_clear_bindings(statement->stmt);
  statement->open = false;
}

/* --- values --- */

/* A NULL pointer would be bound as SQL's NULL. */
static int
bind_value(sqlite3_stmt *stmt, int at, const struct sql_value *value)
{
  const char *octets = value->octets.p ? value->octets.p : "";
  switch (value->type) {
  case SQL_INT: return sqlite3_bind_int64(stmt, at, value->number);
  case SQL_TEXT: return sqlite3_bind_text64(stmt, at, octets, value->octets.n, SQLITE_STATIC, SQLITE_UTF8);
  case SQL_BYTES: return sqlite3_bind_blob64(stmt, at, octets, value->octets.n, SQLITE_STATIC);
  case SQL_NULL: return sqlite3_bind_null(stmt, at);
  }
  return SQLITE_MISUSE;
}

static enum res
bind_values(struct tx *tx, const struct statement *statement, struct sql_args args, GError **error)
{
  sqlite3_stmt *stmt = statement->stmt;
  int n = sqlite3_bind_parameter_count(stmt);
  if ((size_t)n != args.n)
    return trouble(error, REPLY_TROUBLE, "%d values wanted, %zu given: %s", n, args.n, sqlite3_sql(stmt));
  for (int at = 1; at <= n; at++) {
    guint64 which = statement->in_order ? (guint64)at : parameter_number(stmt, at);
    if (which < 1 || which > args.n)
      return trouble(error, REPLY_TROUBLE, "parameters are $1 to $%d: %s", n, sqlite3_sql(stmt));
    if (bind_value(stmt, at, &args.values[which - 1]) != SQLITE_OK)
      return connection_fail(tx->connection, sqlite3_sql(stmt), error);
  }
  return RES_OK;
}

static enum res
begin(struct tx *tx, const char *sql, struct sql_args args, struct statement **statement, GError **error)
{
  /* Outside a transaction the statement would be committed by itself. */
  if (!connection_in_transaction(tx->connection))
    return trouble(error, REPLY_TROUBLE, "the transaction was rolled back: %s", sql);
  enum res res = statement_get(tx->connection, sql, statement, error);
  if (res != RES_OK)
    return res;
  res = bind_values(tx, *statement, args, error);
  if (res != RES_OK)
    statement_reset(*statement);
  return res;
}

/* --- public --- */

enum res
sql_run(struct tx *tx, const char *sql, struct sql_args args, GError **error)
{
  struct statement *statement;
  enum res res = begin(tx, sql, args, &statement, error);
  if (res != RES_OK)
    return res;
  int code = sqlite3_step(statement->stmt);
  while (code == SQLITE_ROW)
    code = sqlite3_step(statement->stmt);
  if (code != SQLITE_DONE)
    res = connection_fail(tx->connection, sql, error);
  else
    tx->changes = sqlite3_stmt_readonly(statement->stmt) ? 0 : sqlite3_changes64(tx->connection->db);
  statement_reset(statement);
  return res;
}

int64_t
sql_changes(struct tx *tx)
{
  return tx->changes;
}

enum res
sql_query(struct tx *tx, const char *sql, struct sql_args args, struct rows **rows, GError **error)
{
  struct statement *statement;
  enum res res = begin(tx, sql, args, &statement, error);
  if (res != RES_OK)
    return res;
  statement->open = true;
  tx->open++;
  *rows = g_new(struct rows, 1);
  **rows = (struct rows){ tx, statement, false };
  return RES_OK;
}

enum res
rows_next(struct rows *rows, GError **error)
{
  if (rows->ended)
    return RES_MORE;
  int code = sqlite3_step(rows->statement->stmt);
  if (code == SQLITE_ROW)
    return RES_OK;
  rows->ended = true;
  if (code == SQLITE_DONE)
    return RES_MORE;
  return connection_fail(rows->tx->connection, sqlite3_sql(rows->statement->stmt), error);
}

int64_t
row_int(struct rows *rows, int column)
{
  return sqlite3_column_int64(rows->statement->stmt, column);
}

const char *
row_text(struct rows *rows, int column)
{
  const unsigned char *text = sqlite3_column_text(rows->statement->stmt, column);
  return text ? (const char *)text : "";
}

struct slice
row_bytes(struct rows *rows, int column)
{
  const char *p = sqlite3_column_blob(rows->statement->stmt, column);
  return (struct slice){ p, (size_t)sqlite3_column_bytes(rows->statement->stmt, column) };
}

bool
row_is_null(struct rows *rows, int column)
{
  return sqlite3_column_type(rows->statement->stmt, column) == SQLITE_NULL;
}

void
rows_free(struct rows *rows)
{
  if (rows == NULL)
    return;
  statement_reset(rows->statement);
  rows->tx->open--;
  g_free(rows);
}

enum res
sql_int_of(struct tx *tx, const char *sql, struct sql_args args, int64_t *value, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, sql, args, &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res == RES_OK)
    *value = row_int(rows, 0);
  return res;
}

enum res
sql_text_of(struct tx *tx, const char *sql, struct sql_args args, char **value, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, sql, args, &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res == RES_OK)
    *value = g_strdup(row_text(rows, 0));
  return res;
}
