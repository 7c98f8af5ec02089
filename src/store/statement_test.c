#include "store/scratch_items.h"

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
  OWN(store) store = scratch_store(directory, STORE_SERVER);
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
    g_assert_true((error != NULL) == (statement_rows[i].want != RES_OK && statement_rows[i].want != RES_MORE));
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

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/statement/values", test_values);
  g_test_add_func("/statement/values-in-table", test_values_in_table);
  g_test_add_func("/statement/statements", test_statements);
  g_test_add_func("/statement/statement-use", test_statement_use);
  return g_test_run();
}
