#pragma once
/* The record of a piece of work, and the next claim, in one transaction. */
#include "base/config.h"
#include "courier/work.h"

/* Which work is wanted, and what there was. */
struct next_work {
  /* in */
  const char *outlets[CONFIG_OUTLETS_MAX]; /* whose work, by name; they are asked in this order */
  size_t n_outlets;
  int64_t lists[CLAIM_LISTS_MAX]; /* not of these lists */
  size_t n_lists;
  bool suspects;                 /* as in struct claim_options */
  const char *const *configured; /* the outlets that there are: deliveries for others are routed anew; NULL: not now */
  size_t n_configured;
  /* out */
  struct claim *claim; /* owned by the caller; NULL: nothing is due */
  size_t outlet;       /* in `outlets` */
  int64_t next_at;     /* as claim_next, of all outlets that were asked */
  GPtrArray *strays;   /* char *: outlets that there are not; owned by the caller; NULL: none */
};

/* Records a piece of work (NULL: none) and claims the next one (`next` not NULL), in one transaction.
 * RES_TEMP: nothing was written, `next` holds nothing. */
enum res work_step(const struct work_tools *tools, const struct work *work, struct next_work *next, GError **error) MUST_CHECK;
