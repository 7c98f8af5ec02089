/* What waits, after the clock was set. */
#include "courier/clamp.h"
#include "base/clock.h"
#include "base/log.h"
#include "courier/fixture.h"

#define NOW INT64_C(1800000000000000)
#define M CLOCK_MINUTE
#define H CLOCK_HOUR
#define D CLOCK_DAY

static const struct retry_schedule schedule = { .first = 5 * M, .max = 4 * H, .lifetime = 5 * D };

enum table { RECIPIENT, CHUNK };

static const struct row {
  const char *name;
  enum table table;
  int state, attempts;
  int64_t wait, want; /* from NOW */
} rows[] = {
  { .name = "never tried, a day back", .attempts = 0, .wait = D, .want = 5 * M },
  { .name = "tried once, a day back", .attempts = 1, .wait = D + 5 * M, .want = 5 * M },
  { .name = "tried once, as it should be", .attempts = 1, .wait = 5 * M, .want = 5 * M },
  { .name = "tried once, half a minute back", .attempts = 1, .wait = 5 * M + M / 2, .want = 5 * M },
  { .name = "tried once, by a clock read a moment later", .attempts = 1, .wait = 5 * M + 1000, .want = 5 * M + 1000 },
  { .name = "tried twice", .attempts = 2, .wait = D, .want = 10 * M },
  { .name = "tried six times", .attempts = 6, .wait = D, .want = 160 * M },
  { .name = "tried seven times: as seldom as ever", .attempts = 7, .wait = D, .want = 4 * H },
  { .name = "tried a thousand times", .attempts = 1000, .wait = D, .want = 4 * H },
  { .name = "tried a thousand times, as it should be", .attempts = 1000, .wait = 4 * H, .want = 4 * H },
  { .name = "due, a day forward", .attempts = 3, .wait = -D, .want = -D },
  { .name = "in hand", .state = 1, .attempts = 1, .wait = D, .want = D },
  { .name = "sent", .state = 2, .attempts = 1, .wait = D, .want = D },
  { .name = "a chunk, not broken yet", .table = CHUNK, .attempts = 0, .wait = D, .want = CLOCK_SECOND },
  { .name = "a chunk that broke twice", .table = CHUNK, .attempts = 2, .wait = D, .want = 2 * CLOCK_SECOND },
  { .name = "a chunk that broke often", .table = CHUNK, .attempts = 30, .wait = D, .want = 5 * M },
  { .name = "a chunk, as it should be", .table = CHUNK, .attempts = 2, .wait = 2 * CLOCK_SECOND, .want = 2 * CLOCK_SECOND },
  { .name = "a chunk in hand", .table = CHUNK, .state = 1, .attempts = 1, .wait = D, .want = D },
};

struct clamping {
  int64_t now, limit, n;
};

static enum res
write_clamp(struct tx *tx, void *arg, GError **error)
{
  struct clamping *clamping = arg;
  return clamp_slice(tx, &schedule, clamping->now, clamping->limit, &clamping->n, error);
}

static int64_t
clamp(struct fixture *fixture, int64_t limit)
{
  struct clamping clamping = { .now = NOW, .limit = limit };
  fixture_write(fixture, write_clamp, &clamping);
  return clamping.n;
}

static enum res
write_row(struct tx *tx, void *arg, GError **error)
{
  const struct row *row = arg;
  if (row->table == CHUNK)
    return sql_run(tx, "INSERT INTO chunk (delivery_id, state, attempts, not_before, claimed_at, count, members) VALUES (1, $1, $2, $3, 0, 0, '')",
                   SQL_ARGS(sql_int(row->state), sql_int(row->attempts), sql_int(NOW + row->wait)), error);
  return sql_run(tx, "INSERT INTO recipient (delivery_id, address, state, attempts, next_at, first_at) VALUES (1, 'm1@example.net', $1, $2, $3, 0)",
                 SQL_ARGS(sql_int(row->state), sql_int(row->attempts), sql_int(NOW + row->wait)), error);
}

static int64_t
waits(struct fixture *fixture, enum table table)
{
  return fixture_number(fixture, table == CHUNK ? "SELECT not_before FROM chunk" : "SELECT next_at FROM recipient") - NOW;
}

static void
test_row(gconstpointer data)
{
  struct row row = *(const struct row *)data;
  OWN(fixture) fixture = fixture_new(1);
  fixture_post(fixture);
  fixture_write(fixture, write_row, &row);
  fixture_set_due(fixture);
  int64_t due = fixture_number(fixture, "SELECT COALESCE(due_at, 0) FROM delivery");
  bool changed = row.wait != row.want;
  g_assert_cmpint(clamp(fixture, 10), ==, changed);
  g_assert_cmpint(waits(fixture, row.table), ==, row.want);
  /* The delivery is looked at no later than what of it waits. */
  g_assert_cmpint(fixture_number(fixture, "SELECT COALESCE(due_at, 0) FROM delivery"), ==, changed ? NOW + row.want : due);
  g_assert_cmpint(clamp(fixture, 10), ==, 0);
}

static void
test_slices(void)
{
  struct row row = { .attempts = 1, .wait = D }, twice = { .attempts = 2, .wait = D }, chunk = { .table = CHUNK, .attempts = 1, .wait = D };
  OWN(fixture) fixture = fixture_new(1);
  fixture_post(fixture);
  for (int i = 0; i < 3; i++) {
    fixture_write(fixture, write_row, &row);
    fixture_write(fixture, write_row, &twice);
    fixture_write(fixture, write_row, &chunk);
  }
  int64_t wants[] = { 4, 4, 1, 0 };
  for (size_t i = 0; i < G_N_ELEMENTS(wants); i++)
    g_assert_cmpint(clamp(fixture, 4), ==, wants[i]);
}

/* Who was served last by the clock as it was is not behind all that is served from now on. */
static void
test_served(void)
{
  OWN(fixture) fixture = fixture_new(1);
  fixture_post(fixture);
  fixture_post(fixture);
  fixture_run(fixture, "UPDATE delivery SET served_at = 1800086400000000 WHERE id = 1");
  fixture_run(fixture, "UPDATE delivery SET served_at = 1799999999000000 WHERE id = 2");
  g_assert_cmpint(clamp(fixture, 10), ==, 1);
  g_assert_cmpint(fixture_number(fixture, "SELECT served_at FROM delivery WHERE id = 1"), ==, NOW);
  g_assert_cmpint(fixture_number(fixture, "SELECT served_at FROM delivery WHERE id = 2"), ==, NOW - CLOCK_SECOND);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strdup_printf("/clamp/row/%s", rows[i].name);
    g_test_add_data_func(path, &rows[i], test_row);
  }
  g_test_add_func("/clamp/slices", test_slices);
  g_test_add_func("/clamp/served", test_served);
  return g_test_run();
}
