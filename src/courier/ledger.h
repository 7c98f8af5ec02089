#pragma once
/* Did X get posting N, and what did the MTA say? Read from the chunks and the rows of those who were refused. One member's whole story: ledger_story.h. */
#include "courier/ledger_line.h"

/* The line is valid until the function returns. */
typedef void (*ledger_fn)(const struct ledger_line *line, void *arg);

struct ledger_summary {
  int64_t deliveries; /* 0: it was not (yet) accepted for delivery */
  int64_t open;       /* of them */
  int64_t lines;      /* handed out */
  struct chunk_skips skips;
};

/* Hands every recipient of the posting with the id `code` to `fn`, page by page: no snapshot is held while `fn` runs. A row that changes
 * its state meanwhile may come twice or not at all. Members whom the roster's cursor has not reached have no line yet. RES_MORE: no such posting. */
enum res ledger_read(struct store *store, const char *code, ledger_fn fn, void *arg, struct ledger_summary *summary, GError **error) MUST_CHECK;

/* Inside a store_fn: the member of the posting's list with that folded address (one who has left, too) to whom the posting went. RES_MORE: it went
 * to no such member, or nobody knows any more. Looks through the posting's chunks, some milliseconds for 100,000 members, and then through the
 * rows of those who were refused: not for the writer. */
enum res ledger_find_member(struct tx *tx, int64_t posting_id, const char *key, int64_t *member_id, int64_t *delivery_id, GError **error) MUST_CHECK;

/* Inside a store_fn: deletes up to `limit` rows of deliveries that were done before `before`, and of bounces seen before. `n` says how
 * many; 0: there are no more. */
enum res ledger_prune(struct tx *tx, int64_t before, int limit, int64_t *n, GError **error) MUST_CHECK;
