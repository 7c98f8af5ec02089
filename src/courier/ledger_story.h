#pragma once
/* All the ledger knows of one address and one posting, in order of time: what became of the posting, each attempt and what the MTA said to it, what came back later; or why
 * there was no copy. */
#include "courier/ledger_line.h"

/* Something that happened. */
struct ledger_event {
  int64_t at;       /* epoch microseconds; 0: not known */
  const char *what; /* "received", "held", "accepted", "discarded", "rejected", "kept", "queued", "broken", "sent", "deferred", "failed", "given up", "left", "bounce",
                     * "returned". Static. */
  char *via;        /* the next hop and the transaction, "" if none */
  char *text;       /* the MTA's words, or ours */
};

struct ledger_story {
  GPtrArray *lines;  /* struct ledger_line *: what became of it, one at least; several if the address is on several ways */
  GPtrArray *events; /* struct ledger_event * */
  int64_t deliveries, open; /* as in struct ledger_summary */
};
void ledger_story_free(struct ledger_story *story);
OWN_DEFINE(ledger_story, ledger_story_free)

/* RES_OK: `story` is owned by the caller. RES_MORE: no such posting. RES_BAD: `address` is none. Outside a store_fn. */
enum res ledger_story_read(struct store *store, const char *code, const char *address, struct ledger_story **story, GError **error) MUST_CHECK;
