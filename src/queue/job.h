#pragma once
/* Mail kept for a handler: for role addresses whose work comes later, and owners' mail nobody can get. All inside a store_fn. */
#include "base/clock.h"
#include "queue/posting.h"

/* Kinds: "bounces", "confirm", "join", "leave", "request", "owner", "postmaster". Of owners' mail a list keeps JOBS_OF_OWNERS_MAX, and so do the domains together: the oldest
 * is dropped for the newest. */
#define JOBS_OF_OWNERS_MAX 500
enum res job_create(struct tx *tx, const char *kind, int64_t posting_id, int64_t list_id, int64_t now, GError **error) MUST_CHECK;
/* Mail for a handler that does not exist yet is dropped unread when it is older than this: the handler, when it first appears, would not read it either, and strangers'
 * mail does not fill the disk meanwhile. */
#define JOB_STALE (3 * CLOCK_DAY)
/* Owners' mail stays so long, if nobody comes to get it. */
#define JOB_OF_OWNERS_STALE (30 * CLOCK_DAY)
/* Drops up to `limit` of what is too old; `n` says how many. */
enum res job_drop_stale(struct tx *tx, int64_t now, int limit, int *n, GError **error) MUST_CHECK;
/* The same for owners' mail. */
enum res job_drop_unclaimed(struct tx *tx, int64_t now, int limit, int *n, GError **error) MUST_CHECK;

struct job {
  int64_t id, posting_id, list_id;
  int64_t strikes; /* queue/suspect.h */
};
/* The first of a kind above the id `after` that is not set aside; `after` moves on to what was looked at. RES_MORE: there is none. */
enum res job_next(struct tx *tx, const char *kind, int64_t *after, struct job *job, GError **error) MUST_CHECK;
/* It is done: its posting is in `state`, and needs no octets for its sake. RES_MORE: the job is gone already. */
enum res job_end(struct tx *tx, const struct job *job, enum posting_state state, int64_t now, GError **error) MUST_CHECK;

struct job_count {
  char *kind;
  int64_t count, oldest_at;
};
void job_count_free(struct job_count *count);
/* How many wait, by kind: an array of struct job_count. */
enum res job_counts(struct tx *tx, GPtrArray **counts, GError **error) MUST_CHECK;
/* Is there a suspect among the owners' mail? */
enum res job_has_suspects(struct tx *tx, bool *has, GError **error) MUST_CHECK;
/* Hands kept mail to the owners (of a list, or of a domain's lists) there are by now, or to site_owner: up to `limit`; `n` says how many
 * went. Only the suspects (queue/suspect.h), or only the others. Those without a taker stay as they are; that of a removed list is dropped. */
enum res job_release_owner(struct tx *tx, const char *site_owner, int64_t now, bool suspects, int limit, int *n, GError **error) MUST_CHECK;
