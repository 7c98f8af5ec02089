#include "courier/clamp.h"
#include "base/clock.h"
#include "base/log.h"
#include "courier/record.h"

#define SLICE_SIZE 200
/* What others write meanwhile is by a clock that they read a moment later. */
#define GRACE CLOCK_SECOND

/* Up to $5 of those who were tried $1 to $2 times and would be tried later than $3; the same ones each time it is asked in one transaction. */
#define LATE_RECIPIENTS "FROM recipient WHERE state <= 1 AND state = 0 AND attempts >= $1 AND attempts <= $2 AND next_at > $3 ORDER BY next_at, id LIMIT $5"
#define LATE_CHUNKS "FROM chunk WHERE state <> 2 AND state = 0 AND attempts >= $1 AND attempts <= $2 AND not_before > $3 ORDER BY not_before, id LIMIT $5"

/* $4: until when they wait now. A delivery that is looked at too early does no harm. */
static const struct kind {
  const char *due, *clamp;
} kinds[] = {
  { .due = "UPDATE delivery SET due_at = $4 WHERE id IN (SELECT delivery_id " LATE_RECIPIENTS ")",
    .clamp = "UPDATE recipient SET next_at = $4 WHERE id IN (SELECT id " LATE_RECIPIENTS ")" },
  { .due = "UPDATE delivery SET due_at = $4 WHERE id IN (SELECT delivery_id " LATE_CHUNKS ")",
    .clamp = "UPDATE chunk SET not_before = $4 WHERE id IN (SELECT id " LATE_CHUNKS ")" },
};

static enum res
clamp_tried(struct tx *tx, const struct kind *kind, struct sql_args args, int64_t *n, GError **error)
{
  enum res res = sql_run(tx, kind->due, args, error);
  if (res == RES_OK)
    res = sql_run(tx, kind->clamp, args, error);
  *n += res == RES_OK ? sql_changes(tx) : 0;
  return res;
}

/* Pauses double: there are few of them, and the last is that of all further attempts. */
static enum res
clamp_kind(struct tx *tx, const struct kind *kind, int64_t first, int64_t last, int64_t now, int64_t limit, int64_t *n, GError **error)
{
  int64_t pause = 0;
  enum res res = RES_OK;
  for (int attempts = 1; res == RES_OK && pause < last && *n < limit; attempts++) {
    pause = retry_pause(first, last, attempts);
    res = clamp_tried(tx, kind,
                      SQL_ARGS(sql_int(attempts == 1 ? 0 : attempts), sql_int(pause < last ? attempts : INT64_MAX), sql_int(now + pause + GRACE), sql_int(now + pause),
                               sql_int(limit - *n)),
                      n, error);
  }
  return res;
}

/* Else those that were served last would come after all that are served from now on. */
static enum res
clamp_served(struct tx *tx, int64_t now, int64_t limit, int64_t *n, GError **error)
{
  if (*n >= limit)
    return RES_OK;
  enum res res = sql_run(tx, "UPDATE delivery SET served_at = $2 WHERE id IN (SELECT id FROM delivery WHERE state <> 2 AND state = 0 AND served_at > $1 LIMIT $3)",
                         SQL_ARGS(sql_int(now + GRACE), sql_int(now), sql_int(limit - *n)), error);
  *n += res == RES_OK ? sql_changes(tx) : 0;
  return res;
}

enum res
clamp_slice(struct tx *tx, const struct retry_schedule *retry, int64_t now, int64_t limit, int64_t *n, GError **error)
{
  *n = 0;
  enum res res = clamp_kind(tx, &kinds[0], retry->first, retry->max, now, limit, n, error);
  if (res == RES_OK)
    res = clamp_kind(tx, &kinds[1], RECORD_BREAK_FIRST, RECORD_BREAK_LAST, now, limit, n, error);
  return res == RES_OK ? clamp_served(tx, now, limit, n, error) : res;
}

/* --- all of it --- */

struct slice_of_all {
  const struct retry_schedule *retry;
  int64_t now, n;
};

static enum res
write_slice(struct tx *tx, void *arg, GError **error)
{
  struct slice_of_all *slice = arg;
  return clamp_slice(tx, slice->retry, slice->now, SLICE_SIZE, &slice->n, error);
}

enum res
clamp_all(struct store *store, const struct retry_schedule *retry, GError **error)
{
  int64_t total = 0;
  struct slice_of_all slice = { .retry = retry, .n = 1 };
  enum res res = RES_OK;
  while (res == RES_OK && slice.n > 0) {
    slice.now = clock_now();
    res = store_write(store, write_slice, &slice, error);
    total += res == RES_OK ? slice.n : 0;
  }
  if (total > 0)
    log_note("what waited longer than its interval, by the clock as it is now, was put right", log_int("rows", total));
  return res == RES_OK ? RES_OK : RES_TEMP;
}
