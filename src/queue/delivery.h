#pragma once
/* A posting on its way out: made when it is accepted, worked off by the courier. All inside a store_fn. */
#include "queue/posting.h"

enum delivery_state { DELIVERY_OPEN, DELIVERY_SET_ASIDE, DELIVERY_DONE };

/* For a posting to the list: a cursor over the roster up to the last join number. `reverse_path` is the envelope sender of the copies. */
enum res delivery_create_roster(struct tx *tx, int64_t posting_id, int64_t list_id, int64_t last_join, const char *reverse_path, int64_t now, GError **error) MUST_CHECK;
struct delivery_recipient {
  int64_t member_id; /* 0 if none */
  const char *address;
};
/* For mail to the owners: these addresses. `list_id` is 0 for mail to a domain. */
enum res delivery_create_addresses(struct tx *tx, int64_t posting_id, int64_t list_id, const char *reverse_path, const struct delivery_recipient *recipients, size_t n,
                                   int64_t now, GError **error) MUST_CHECK;

struct delivery_counts {
  int64_t open, set_aside;
  int64_t oldest_at; /* when the oldest of both was made; 0 if none */
};
/* What is not done, for `queue` and `status`. */
enum res delivery_counts(struct tx *tx, struct delivery_counts *counts, GError **error) MUST_CHECK;
