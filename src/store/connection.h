#pragma once
/* One connection to the SQLite file, with its prepared statements. Used by one thread at a time; private to this folder. */
#include "store/store.h"
#include <sqlite3.h>

/* A prepared statement, found again by the address of its SQL. */
struct statement {
  const char *sql; /* compared, never read: sqlite3_sql() holds the text */
  sqlite3_stmt *stmt;
  uint64_t used; /* when, in `connection->tick`: the oldest gives way */
  bool open;     /* rows of it are being read */
  bool in_order; /* its parameters are $1, $2 … in this order, each once */
};

/* Whom to call during long work. */
struct pulse {
  void (*beat)(void *arg); /* NULL: nobody */
  void *arg;
  int64_t last; /* µs, monotonic */
};

/* Calls, if the last call was a second ago. */
void pulse_beat(struct pulse *pulse);

struct connection {
  sqlite3 *db;
  char *path;
  struct statement *statements;
  size_t slots;
  uint64_t tick;
  int64_t patience; /* µs that it waits for another process's write before it gives up */
  int64_t waits_since, warned_at; /* µs, monotonic */
  struct pulse *pulse;
  bool copy_all; /* the next checkpoint must begin from the WAL's first frame (checkpoint.c) */
};

struct tx {
  struct connection *connection;
  int64_t changes;
  size_t open; /* rows not yet freed */
};

struct connection_options {
  const char *path;
  const char *vfs;  /* by which SQLite reaches the file; NULL: the usual one */
  const char *name; /* what messages call it; NULL: `path` */
  int cache_kib;
  size_t statements; /* most that are kept prepared */
  int64_t patience;  /* µs */
  bool query_only;
  bool foreign_keys_off; /* for migrations, which may rebuild tables */
  struct pulse *pulse;   /* beaten during long statements and waits; NULL: none. It lives longer than the connection */
};

/* Opens an existing file. RES_TEMP: it cannot be opened. */
enum res connection_open(const struct connection_options *options, struct connection **connection, GError **error) MUST_CHECK;
void connection_close(struct connection *connection);
OWN_DEFINE(connection, connection_close)

/* Fills `error` with what the engine said last, and returns the result it stands for: constraint: RES_BAD; full disk: RES_TEMP
 * with REPLY_FULL; anything else: RES_TEMP. `doing` is named in the message. */
enum res connection_fail(struct connection *connection, const char *doing, GError **error);

/* Runs one statement without values and rows, in or outside a transaction. Results as connection_fail(). */
enum res connection_run(struct connection *connection, const char *sql, GError **error) MUST_CHECK;
/* Reads one integer, e.g. a pragma's. RES_MORE: no row. Else as connection_fail(). */
enum res connection_int(struct connection *connection, const char *sql, int64_t *value, GError **error) MUST_CHECK;
/* False after COMMIT, and when the engine has rolled back by itself. */
bool connection_in_transaction(struct connection *connection);
/* Ends a transaction that is to leave nothing, if there is one. */
void connection_rollback(struct connection *connection);

/* Calls `fn` within the transaction that `connection` is in. RES_OK, or what `fn` returned, then with `error` filled in any case. */
enum res connection_call(struct connection *connection, store_fn fn, void *arg, GError **error) MUST_CHECK;
/* True while this thread runs a store_fn, in which the store must not be entered again. */
bool connection_calling(void);

/* Finds or prepares. RES_OK: `statement` is reset, and stays valid while it is open. RES_TEMP: not valid SQL, or open already. */
enum res statement_get(struct connection *connection, const char *sql, struct statement **statement, GError **error) MUST_CHECK;
/* Makes it ready to run again, and lets go of its values. */
void statement_reset(struct statement *statement);
