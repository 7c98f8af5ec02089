#include "queue/job.h"
#include "base/crash_point.h"
#include "queue/owners.h"
#include "queue/suspect.h"

/* Along the ids, not along the index by kind: whoever comes back with the id it got to looks at each row once, however many others are kept. */
enum res
job_next(struct tx *tx, const char *kind, int64_t *after, struct job *job, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT id, kind, posting_id, list_id, strikes FROM job WHERE id > $1 ORDER BY id", SQL_ARGS(sql_int(*after)), &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK) {
    *after = row_int(rows, 0);
    if (strcmp(row_text(rows, 1), kind) != 0 || row_int(rows, 4) >= STRIKES_SET_ASIDE)
      continue;
    *job = (struct job){ .id = *after, .posting_id = row_int(rows, 2), .list_id = row_int(rows, 3), .strikes = row_int(rows, 4) };
    return RES_OK;
  }
  return res;
}

enum res
job_end(struct tx *tx, const struct job *job, enum posting_state state, int64_t now, GError **error)
{
  enum res res = sql_run(tx, "DELETE FROM job WHERE id = $1", SQL_ARGS(sql_int(job->id)), error);
  if (res == RES_OK && sql_changes(tx) == 0)
    return RES_MORE;
  return res == RES_OK ? sql_run(tx, "UPDATE posting SET state = $2, decided_at = $3 WHERE id = $1",
                                 SQL_ARGS(sql_int(job->posting_id), sql_int(state), sql_int(now)), error)
                       : res;
}

/* RES_MORE: there is room. */
static enum res
oldest_of_too_many(struct tx *tx, const char *kind, int64_t list_id, struct job *job, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT id, posting_id FROM job WHERE list_id = $1 AND kind = $2 ORDER BY id DESC LIMIT 1 OFFSET $3",
                           SQL_ARGS(sql_int(list_id), sql_text(kind), sql_int(JOBS_OF_OWNERS_MAX)), &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res == RES_OK)
    *job = (struct job){ .id = row_int(rows, 0), .posting_id = row_int(rows, 1) };
  return res;
}

static bool
is_for_owners(const char *kind)
{
  return strcmp(kind, "owner") == 0 || strcmp(kind, "postmaster") == 0;
}

enum res
job_create(struct tx *tx, const char *kind, int64_t posting_id, int64_t list_id, int64_t now, GError **error)
{
  struct job oldest;
  enum res res = sql_run(tx, "INSERT INTO job (kind, posting_id, list_id, created_at, not_before) VALUES ($1, $2, $3, $4, $4)",
                         SQL_ARGS(sql_text(kind), sql_int(posting_id), sql_int(list_id), sql_int(now)), error);
  if (res != RES_OK || !is_for_owners(kind))
    return res;
  res = oldest_of_too_many(tx, kind, list_id, &oldest, error);
  return res == RES_OK ? job_end(tx, &oldest, POSTING_DISCARDED, now, error) : res == RES_MORE ? RES_OK : res;
}

void
job_count_free(struct job_count *count)
{
  if (!count)
    return;
  g_free(count->kind);
  g_free(count);
}

enum res
job_counts(struct tx *tx, GPtrArray **counts, GError **error)
{
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func((GDestroyNotify)job_count_free);
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT kind, count(*), min(created_at) FROM job GROUP BY kind ORDER BY kind", SQL_NO_ARGS, &rows, error);
  if (res != RES_OK)
    return res;
  while ((res = rows_next(rows, error)) == RES_OK) {
    struct job_count *count = g_new(struct job_count, 1);
    *count = (struct job_count){ .kind = g_strdup(row_text(rows, 0)), .count = row_int(rows, 1), .oldest_at = row_int(rows, 2) };
    g_ptr_array_add(found, count);
  }
  if (res != RES_MORE)
    return res;
  *counts = g_steal_pointer(&found);
  return RES_OK;
}

/* Kept mail for which there is somebody by now, or never will be (its list was removed); owners as in queue/owners.c. Asked of the database, so that a thousand letters to nobody
 * cost no attempt each. What waits for nothing but them is due since it came, whatever time it is now: somebody may have set the clock back. */
static const char *const due_statements[] = {
  "SELECT j.id, j.posting_id FROM job j WHERE j.kind = 'owner' AND (j.not_before <= $1 OR j.not_before = j.created_at) AND j.strikes BETWEEN $4 AND $5 AND ($2 <> 0 OR EXISTS ("
  "SELECT 1 FROM member m WHERE m.list_id = j.list_id AND m.role IN (1, 2) AND m.left_at IS NULL AND m.status = 0) "
  "OR EXISTS (SELECT 1 FROM list l WHERE l.id = j.list_id AND l.removed_at IS NOT NULL)) "
  "ORDER BY j.not_before, j.id LIMIT $3",
  "SELECT j.id, j.posting_id FROM job j JOIN posting p ON p.id = j.posting_id WHERE j.kind = 'postmaster' AND (j.not_before <= $1 OR j.not_before = j.created_at) AND j.strikes BETWEEN $4 AND $5 AND ($2 <> 0 OR EXISTS ("
  "SELECT 1 FROM list l JOIN member m ON m.list_id = l.id "
  "WHERE l.domain_id = p.domain_id AND l.removed_at IS NULL AND m.role = 1 AND m.left_at IS NULL AND m.status = 0)) "
  "ORDER BY j.not_before, j.id LIMIT $3",
};

/* What a query for id and posting gives, appended to `due`. */
static enum res
jobs_find(struct tx *tx, const char *sql, struct sql_args args, GArray *due, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, sql, args, &rows, error);
  if (res != RES_OK)
    return res;
  while ((res = rows_next(rows, error)) == RES_OK) {
    struct job job = { .id = row_int(rows, 0), .posting_id = row_int(rows, 1) };
    g_array_append_val(due, job);
  }
  return res == RES_MORE ? RES_OK : res;
}

static enum res
job_release(struct tx *tx, const struct job *job, const char *site_owner, int64_t now, int *sent, GError **error)
{
  OWN(posting) posting = NULL;
  int slot = in_hand_take(IN_HAND_JOB, job->id);
  enum res res = posting_load(tx, job->posting_id, &posting, error);
  CRASH_POISON_IF(res == RES_OK, "release", slice_of(posting->sender));
  if (res == RES_OK)
    res = owners_deliver(tx, posting, site_owner, now, error);
  in_hand_give(slot);
  if (res == RES_MORE) /* its list has been removed */
    return job_end(tx, job, POSTING_DISCARDED, now, error);
  if (res == RES_OK)
    res = job_end(tx, job, POSTING_ACCEPTED, now, error);
  *sent += res == RES_OK;
  CRASH_POINT("owner-mail-releasing");
  return res;
}

enum res
job_has_suspects(struct tx *tx, bool *has, GError **error)
{
  int64_t one;
  enum res res = sql_int_of(tx, "SELECT 1 FROM job WHERE kind IN ('owner', 'postmaster') AND strikes BETWEEN $1 AND $2 LIMIT 1",
                            SQL_ARGS(sql_int(STRIKES_ALONE), sql_int(STRIKES_SET_ASIDE - 1)), &one, error);
  *has = res == RES_OK;
  return res == RES_MORE ? RES_OK : res;
}

enum res
job_release_owner(struct tx *tx, const char *site_owner, int64_t now, bool suspects, int limit, int *n, GError **error)
{
  g_autoptr(GArray) due = g_array_new(FALSE, FALSE, sizeof(struct job));
  *n = 0;
  enum res res = RES_OK;
  for (size_t i = 0; res == RES_OK && i < G_N_ELEMENTS(due_statements); i++)
    res = jobs_find(tx, due_statements[i], SQL_ARGS(sql_int(now), sql_int(*site_owner != '\0'), sql_int(limit - (int)due->len), sql_int(suspects ? STRIKES_ALONE : 0),
                                                          sql_int(suspects ? STRIKES_SET_ASIDE - 1 : STRIKES_ALONE - 1)), due, error);
  for (guint i = 0; res == RES_OK && i < due->len; i++)
    res = job_release(tx, &g_array_index(due, struct job, i), site_owner, now, n, error);
  return res;
}

/* What a query with $1 = before, $2 = limit finds. */
static enum res
drop_jobs(struct tx *tx, const char *sql, int64_t before, int64_t now, int limit, int *n, GError **error)
{
  g_autoptr(GArray) stale = g_array_new(FALSE, FALSE, sizeof(struct job));
  enum res res = jobs_find(tx, sql, SQL_ARGS(sql_int(before), sql_int(limit)), stale, error);
  for (guint i = 0; res == RES_OK && i < stale->len; i++)
    res = job_end(tx, &g_array_index(stale, struct job, i), POSTING_DISCARDED, now, error);
  *n = (int)stale->len;
  CRASH_POINT_IF(*n > 0, "stale-jobs-dropping");
  return res;
}

enum res
job_drop_stale(struct tx *tx, int64_t now, int limit, int *n, GError **error)
{
  return drop_jobs(tx, "SELECT id, posting_id FROM job WHERE kind NOT IN ('owner', 'postmaster') AND created_at < $1 ORDER BY id LIMIT $2", now - JOB_STALE, now, limit, n,
                   error);
}

enum res
job_drop_unclaimed(struct tx *tx, int64_t now, int limit, int *n, GError **error)
{
  return drop_jobs(tx, "SELECT id, posting_id FROM job WHERE kind IN ('owner', 'postmaster') AND created_at < $1 ORDER BY id LIMIT $2", now - JOB_OF_OWNERS_STALE, now, limit,
                   n, error);
}
