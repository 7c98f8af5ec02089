#pragma once
/* A person moves: all that an address is on all lists goes to another one. Members keep their ids and join numbers, so that the ledger still
 * knows them and tags in envelope senders still name them, and all their preferences. All inside a store_fn. */
#include "list/known_address.h"

enum address_change_step {
  CHANGE_MOVES,      /* goes to the new address */
  CHANGE_IS_THERE,   /* the new one is that already: the old one's record becomes a tombstone */
  CHANGE_NO_MORE,    /* a non-member's record of who is a member there: the same */
};

struct address_change {
  char *from;      /* folded */
  char *to;        /* as it will be written */
  char *to_key;    /* folded */
  bool respelling; /* from and to are one address: only its spelling changes */
  GPtrArray *memberships;          /* struct membership: the old address's, sorted by list and role */
  enum address_change_step *steps; /* one for each */
};
void address_change_free(struct address_change *change);
OWN_DEFINE(address_change, address_change_free)

/* What it would do; changes nothing. RES_MORE: `from` is nothing on any list. RES_BAD, the error names the address: one of both is none, they
 * are the same, or `to` may not become what `from` is on a list: banned there, or the list's own address. */
enum res address_change_plan(struct tx *tx, const char *from, const char *to, struct address_change **change, GError **error) MUST_CHECK;
/* Does it, in the transaction in which it was planned. A display name goes along if the new address has none. */
enum res address_change_apply(struct tx *tx, const struct address_change *change, int64_t now, GError **error) MUST_CHECK;
