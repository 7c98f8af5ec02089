#pragma once
/* Did X get posting N, and what did the MTA say? Read from the chunks and the rows of those who were refused. */
#include "courier/roster.h"
#include "store/store.h"

struct ledger_line {
  const char *address;
  int64_t member_id; /* 0: on no roster */
  const char *state; /* "sent", "deferred", "waiting", "sending", "failed", "left". Static. */
  int64_t at;        /* sent, failed, left: when; 0 otherwise */
  int64_t next_at;   /* deferred, waiting: not tried before; 0: as soon as may be */
  int attempts;
  const char *reply; /* what the outlet said, "" if nothing */
};
/* What the line points to is valid until the function returns. */
typedef void (*ledger_fn)(const struct ledger_line *line, void *arg);

struct ledger_summary {
  int64_t deliveries; /* 0: it was not (yet) accepted for delivery */
  int64_t open;       /* of them */
  int64_t lines;      /* handed out */
  struct roster_skips skips;
  int64_t copy; /* passed over: addressed directly, and wanting one copy only */
};

/* Hands every recipient of the posting with the id `code` to `fn`, or only those with `address` (NULL: all), page by page: no snapshot is
 * held while `fn` runs. A row that changes its state meanwhile may come twice or not at all. A member whom the
 * roster's cursor has not reached has a line only if asked for by address. RES_MORE: no such posting. RES_BAD: `address` is none. */
enum res ledger_read(struct store *store, const char *code, const char *address, ledger_fn fn, void *arg, struct ledger_summary *summary, GError **error) MUST_CHECK;

/* Inside a store_fn: deletes up to `limit` rows of deliveries that were done before `before`, and of bounces seen before. `n` says how
 * many; 0: there are no more. */
enum res ledger_prune(struct tx *tx, int64_t before, int limit, int64_t *n, GError **error) MUST_CHECK;
