#pragma once
/* The database: all durable state. Transactions are functions: a write function is given the transaction and its
 * argument, may run more than once (the batch it rode in may be rolled back), and must therefore depend on nothing else and
 * set all of its results anew each time. SQL stands with the noun it is about ($1 parameters, RETURNING, ON CONFLICT, 64-bit
 * integers, epoch microseconds: portable between both back ends); only store/ knows a back end.
 *
 * Group commit: in a server, a function that comes while nobody writes is run by its caller; those that come meanwhile go to the committer
 * thread, which runs all that are waiting in one transaction, commits once (one fsync) and wakes the callers. A
 * function that returns other than RES_OK is undone by itself (savepoint) and fails by itself. If the engine rolls the batch back, each is tried
 * once more alone. */
#include "base/error.h"
#include "base/own.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stdint.h>

struct store;
struct tx; /* a transaction, or a reader's snapshot: valid inside the function it was given to */

enum store_mode {
  STORE_SERVER,  /* committer thread, pool of readers, checkpoint thread */
  STORE_COMMAND, /* a command beside the server: writes run in the calling thread */
};

struct store_options {
  const char *url;       /* "sqlite:PATH"; relative to state_dir */
  const char *state_dir; /* made if missing (0700) */
  enum store_mode mode;
  bool no_backup; /* migrate without the copy */
  /* Called about once a second while a migration runs or is waited for, e.g. to ask systemd for more time. NULL: nobody. */
  void (*migrating)(void *arg);
  void *migrating_arg;
};

/* Opens, makes if missing, migrates. RES_BAD: the URL is not understood, or the schema is newer than this program; RES_TEMP:
 * anything else (the error names file and fix). */
enum res store_open(const struct store_options *options, struct store **store, GError **error) MUST_CHECK;
/* The database's file by its URL; owned by the caller. RES_BAD: the URL is not understood. */
enum res store_path(const char *url, const char *state_dir, char **path, GError **error) MUST_CHECK;
/* Ends the threads after what was handed in is committed. No other call may be running. NULL is allowed. */
void store_free(struct store *store);
OWN_DEFINE(store, store_free)

typedef enum res (*store_fn)(struct tx *tx, void *arg, GError **error);

/* Runs `write` in a transaction; returns when it is durable. Any thread, but never inside a store_fn (asserted). RES_OK: committed. Else
 * nothing was: the function's own result and error (RES_MORE, "nothing there", has none), or RES_TEMP with REPLY_TROUBLE or, for a full
 * disk, REPLY_FULL. */
enum res store_write(struct store *store, store_fn write, void *arg, GError **error) MUST_CHECK;
/* Runs `read` on a reader borrowed for that time (a consistent snapshot). Any thread, but never inside a store_fn (asserted); must not
 * wait for network or DNS inside. */
enum res store_read(struct store *store, store_fn read, void *arg, GError **error) MUST_CHECK;

/* How many writes wait for their turn. Any thread; work that can wait looks at it first. */
size_t store_waiting(struct store *store);

/* Changes whenever somebody else (another process, the committer) has committed since the last call. Any thread; cheap (no
 * disk access). RES_TEMP: the database is gone; `version` is unchanged. */
enum res store_version(struct store *store, int64_t *version, GError **error) MUST_CHECK;

/* Is there room on the database's file system for `more` octets, so that `least` stay free? RES_OK: yes, or nobody knows. RES_TEMP with REPLY_FULL: no; the
 * error says what to do. That the disk is nearly full (`least` are not free) is an alarm when it is seen first, and a line when it is over. Any thread; cheap:
 * the system is asked once a second at most. */
enum res store_room(struct store *store, int64_t least, int64_t more, GError **error) MUST_CHECK;

/* Looks at all pages. RES_OK: `problem` is NULL, or what is wrong first, owned by the caller. RES_TEMP: it cannot be read. Takes as long as the disk takes to read it. */
enum res store_verify(struct store *store, char **problem, GError **error) MUST_CHECK;

/* --- statements, inside a store_fn --- */

enum sql_type { SQL_NULL, SQL_INT, SQL_TEXT, SQL_BYTES };

struct sql_value {
  enum sql_type type;
  int64_t number;
  struct slice octets;
};

static inline struct sql_value sql_int(int64_t n) { return (struct sql_value){ SQL_INT, n, { NULL, 0 } }; }
/* NULL becomes SQL's NULL. */
static inline struct sql_value sql_text(const char *t) { return (struct sql_value){ t ? SQL_TEXT : SQL_NULL, 0, slice_of(t) }; }
static inline struct sql_value sql_text_slice(struct slice s) { return (struct sql_value){ SQL_TEXT, 0, s }; }
static inline struct sql_value sql_bytes(struct slice s) { return (struct sql_value){ SQL_BYTES, 0, s }; }
static inline struct sql_value sql_null(void) { return (struct sql_value){ SQL_NULL, 0, { NULL, 0 } }; }

struct sql_args {
  const struct sql_value *values;
  size_t n;
};
/* SQL_ARGS(sql_int(1), sql_text("x")): the values of $1, $2 …; they must live until the statement's rows are done with. */
#define SQL_ARGS(...)                                                 \
  ((struct sql_args){ (const struct sql_value[]){ __VA_ARGS__ },      \
                      sizeof((const struct sql_value[]){ __VA_ARGS__ }) / sizeof(struct sql_value) })
#define SQL_NO_ARGS ((struct sql_args){ NULL, 0 })

/* Runs a statement that gives no rows (or whose rows do not matter). `sql` must be a string constant: statements are prepared once per
 * connection and kept under their address. RES_BAD with REPLY_TROUBLE: a constraint was violated. */
enum res sql_run(struct tx *tx, const char *sql, struct sql_args args, GError **error) MUST_CHECK;
/* Rows changed by the last sql_run of this transaction. */
int64_t sql_changes(struct tx *tx);

struct rows;
/* Begins a query. One and the same statement may not be open twice at a time in a transaction (RES_TEMP). RES_OK: `rows` is to be freed
 * before the store_fn returns. */
enum res sql_query(struct tx *tx, const char *sql, struct sql_args args, struct rows **rows, GError **error) MUST_CHECK;
/* RES_OK: a row; RES_MORE: no more rows; RES_TEMP: trouble. What the getters gave of the row before is void. */
enum res rows_next(struct rows *rows, GError **error) MUST_CHECK;
/* Column values, counted from 0. NULL reads as 0, "" and an empty slice. Text is NUL-terminated and borrowed until the next row. */
int64_t row_int(struct rows *rows, int column);
const char *row_text(struct rows *rows, int column);
struct slice row_bytes(struct rows *rows, int column);
bool row_is_null(struct rows *rows, int column);
void rows_free(struct rows *rows);
OWN_DEFINE(rows, rows_free)

/* One row with one integer. RES_OK: `value` is set; RES_MORE: there is no such row, `value` is untouched. */
enum res sql_int_of(struct tx *tx, const char *sql, struct sql_args args, int64_t *value, GError **error) MUST_CHECK;
/* The same for a text; `value` is owned by the caller. */
enum res sql_text_of(struct tx *tx, const char *sql, struct sql_args args, char **value, GError **error) MUST_CHECK;
