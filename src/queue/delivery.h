#pragma once
/* A posting on its way out: made when it is accepted, worked off by the courier. All inside a store_fn. */
#include "queue/posting.h"
#include <glib.h>

enum delivery_state { DELIVERY_OPEN, DELIVERY_SET_ASIDE, DELIVERY_DONE };

struct delivery_new {
  int64_t posting_id;
  int64_t list_id;          /* 0: mail to a domain */
  const char *outlet;       /* the list's setting; "": the default one */
  const char *reverse_path; /* envelope sender of the copies */
  int64_t now;
};
/* For a posting to the list: a cursor over the roster up to the join number `last_join`. `open`: there is work for the courier; to a list
 * without members it is done at once. */
enum res delivery_create_roster(struct tx *tx, const struct delivery_new *delivery, int64_t last_join, bool *open, GError **error) MUST_CHECK;
struct delivery_recipient {
  int64_t member_id; /* 0 if none */
  const char *address;
};
/* For mail to the owners: these addresses. */
enum res delivery_create_addresses(struct tx *tx, const struct delivery_new *delivery, const struct delivery_recipient *recipients, size_t n, GError **error) MUST_CHECK;

/* What of a list is not done goes by the outlet of that name from now on. */
enum res delivery_route(struct tx *tx, int64_t list_id, const char *outlet, GError **error) MUST_CHECK;
/* Open deliveries for an outlet that is none of `outlets` go by the default one. `strays` gets the names that there are not (char *, to be freed
 * by the array) if there are any such deliveries. */
enum res delivery_route_strays(struct tx *tx, const char *const *outlets, size_t n, GPtrArray *strays, GError **error) MUST_CHECK;

struct delivery_counts {
  int64_t open, set_aside;
  int64_t oldest_at; /* when the oldest of both was made; 0 if none */
};
/* What is not done, for `queue` and `status`. */
enum res delivery_counts(struct tx *tx, struct delivery_counts *counts, GError **error) MUST_CHECK;

/* What is open is set aside. */
enum res delivery_set_all_aside(struct tx *tx, GError **error) MUST_CHECK;

struct delivery_outlet {
  char *name;
  int64_t open, oldest_at;
};
/* What is open, by outlet: an array of struct delivery_outlet *, for the caller to unref. */
enum res delivery_outlets(struct tx *tx, GPtrArray **outlets, GError **error) MUST_CHECK;
