#pragma once
/* Mail kept for a handler: for role addresses whose work comes later, and owners' mail nobody can get. All inside a store_fn. */
#include "base/clock.h"
#include "queue/posting.h"

/* Kinds: "bounces", "confirm", "join", "leave", "request", "owner", "postmaster". */
enum res job_create(struct tx *tx, const char *kind, int64_t posting_id, int64_t list_id, int64_t now, GError **error) MUST_CHECK;
/* Jobs older than this are dropped unread when their handler first appears. */
#define JOB_STALE (3 * CLOCK_DAY)
struct job_count {
  char *kind;
  int64_t count, oldest_at;
};
void job_count_free(struct job_count *count);
/* How many wait, by kind: an array of struct job_count. */
enum res job_counts(struct tx *tx, GPtrArray **counts, GError **error) MUST_CHECK;
/* Hands kept mail to the owners (of a list, or of a domain's lists) there are by now, or to site_owner: up to `limit`; `n` says how many
 * went. Those without a taker stay as they are. */
enum res job_release_owner(struct tx *tx, const char *site_owner, int64_t now, int limit, int *n, GError **error) MUST_CHECK;
