#pragma once
/* For the tests of this folder: a table to write to. */
#include "store/scratch.h"

#define INSERT "INSERT INTO item(number, word, octets) VALUES($1, $2, $3)"
#define COUNT "SELECT count(*) FROM item"

static inline enum res
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

static inline struct store *
open_with_table(const char *directory)
{
  g_autoptr(GError) error = NULL;
  struct store *store = scratch_store(directory, STORE_SERVER);
  g_assert_cmpint(store_write(store, make_table, NULL, &error), ==, RES_OK);
  return store;
}

static inline enum res
count_items(struct tx *tx, void *arg, GError **error)
{
  return sql_int_of(tx, COUNT, SQL_NO_ARGS, arg, error);
}

static inline int64_t
counted(struct store *store)
{
  g_autoptr(GError) error = NULL;
  int64_t n = -1;
  enum res res = store_read(store, count_items, &n, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return n;
}

static inline enum res
insert_number(struct tx *tx, void *arg, GError **error)
{
  return sql_run(tx, INSERT, SQL_ARGS(sql_int(*(int64_t *)arg), sql_null(), sql_null()), error);
}
