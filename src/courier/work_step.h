#pragma once
/* The record of a piece of work, and the next claim, in one transaction. */
#include "courier/work.h"

/* Records a piece of work (NULL: none) and claims the next one (`next` not NULL), in one transaction. RES_OK: `next` is owned by the
 * caller, or NULL; `next_at` as claim_next.
 * RES_TEMP: nothing was written. */
enum res work_step(const struct work_tools *tools, const struct work *work, bool suspects, struct claim **next, int64_t *next_at, GError **error) MUST_CHECK;
