#pragma once
/* Mail domains: tenants. All inside a store_fn. Names and aliases are folded here (A-labels). */
#include "list/list.h"

/* `description` and `alias` (another domain whose addresses mean this one's lists) may be NULL. RES_BAD: no domain name, or one of the
 * names is a domain or an alias already. */
enum res domain_create(struct tx *tx, const char *name, const char *description, const char *alias, int64_t now, int64_t *id, GError **error) MUST_CHECK;
/* The domain stays as a tombstone. RES_BAD: unknown, or it still has lists. */
enum res domain_remove(struct tx *tx, const char *name, int64_t now, GError **error) MUST_CHECK;
/* RES_MORE: unknown; aliases are not followed. */
enum res domain_find(struct tx *tx, const char *name, int64_t *id, GError **error) MUST_CHECK;
/* The other domain that means the domain `id`, folded; owned by the caller. RES_MORE: there is none. */
enum res domain_alias(struct tx *tx, int64_t id, char **alias, GError **error) MUST_CHECK;
struct domain {
  int64_t id, lists;
  char *name, *description, *alias; /* "" if none */
};
void domain_free(struct domain *domain);
OWN_DEFINE(domain, domain_free)
/* Sorted by name: an array of struct domain. */
enum res domain_list(struct tx *tx, GPtrArray **domains, GError **error) MUST_CHECK;
