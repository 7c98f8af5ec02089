#pragma once
/* Who of a list's members gets a posting. All inside a store_fn. */
#include "courier/target.h"
#include "store/store.h"

/* Members passed over, by reason. */
struct roster_skips {
  int64_t digest;   /* digest mode: no copy of its own until there are digests */
  int64_t disabled; /* delivery switched off */
  int64_t own;      /* its own posting, which it does not want */
};

struct roster_query {
  int64_t list_id;
  int64_t after, last; /* join numbers: above `after` up to `last` */
  const char *author;  /* folded address, or NULL */
  size_t wanted;       /* targets at most */
};

/* Members looked at in one transaction at most, so that a roster of digest members does not hold the writer. */
#define ROSTER_LOOK_MAX 2000

/* Adds the next members to `targets`. `cursor`: the join number up to which the roster was looked at; it is `last` when there is nothing
 * more. `skips` is counted up. */
enum res roster_take(struct tx *tx, const struct roster_query *query, GArray *targets, struct roster_skips *skips, int64_t *cursor, GError **error) MUST_CHECK;
/* Adds one member. RES_MORE: it has left, or its delivery is switched off. */
enum res roster_take_member(struct tx *tx, int64_t member_id, GArray *targets, GError **error) MUST_CHECK;
