#pragma once
/* Who of a list's members gets a posting, and in which shape. All inside a store_fn. */
#include "courier/shape_choice.h"
#include "courier/target.h"

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
  struct shape_choice *choice;
  size_t wanted[2];    /* targets at most, by shape */
};

/* Members looked at in one transaction at most, so that a roster of digest members does not hold the writer. */
#define ROSTER_LOOK_MAX 2000

/* What was found. */
struct roster_found {
  GArray *targets[2];        /* struct target, by shape */
  enum shape shape;          /* of the first */
  struct roster_skips skips;
  int64_t cursor;            /* the join number up to which the roster was looked at; `last` of the query when there is nothing more */
};
void roster_found_clear(struct roster_found *found);

/* Looks on until as many members are found as are wanted of the shape that the first one has. Those of the other shape who stand
 * among them are found, too, however many; nobody is left out. */
enum res roster_take(struct tx *tx, const struct roster_query *query, struct roster_found *found, GError **error) MUST_CHECK;
/* Adds one member. RES_MORE: it has left, its delivery is switched off, or its list was removed. */
enum res roster_take_member(struct tx *tx, int64_t member_id, GArray *targets, GError **error) MUST_CHECK;
