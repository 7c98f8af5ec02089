#pragma once
/* Addresses that are known here, and what each is on which list. All inside a store_fn. */
#include "list/member.h"

struct known_address {
  char *address; /* as written */
  char *key;     /* folded */
  char *name;    /* display name, "" if none */
};
void known_address_free(struct known_address *known);
OWN_DEFINE(known_address, known_address_free)

/* The row of an address, made if missing; `key` is its folded form. A name is kept if there is none yet. */
enum res known_address_make(struct tx *tx, const char *key, const char *address, const char *name, int64_t now, int64_t *id, GError **error) MUST_CHECK;
/* RES_MORE: it is not known. */
enum res known_address_find(struct tx *tx, const char *key, struct known_address **known, GError **error) MUST_CHECK;
/* Up to `limit` addresses whose folded form comes behind `after`, in its order: an array of struct known_address. */
enum res known_address_slice(struct tx *tx, const char *after, int limit, GPtrArray **addresses, GError **error) MUST_CHECK;

/* What an address is on a list. */
struct membership {
  int64_t id; /* of the member */
  int64_t list_id;
  char *list; /* posting address */
  enum member_role role;
  enum delivery_mode mode;
  enum delivery_status status;
};
void membership_free(struct membership *membership);

/* All that the address is, sorted by list and role: an array of struct membership, empty if it is nothing. */
enum res known_address_memberships(struct tx *tx, const char *key, GPtrArray **memberships, GError **error) MUST_CHECK;
