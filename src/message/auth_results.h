#pragma once
/* Authentication-Results (RFC 8601): what a trusted MTA found out about the sender. */
#include "message/header.h"

struct auth_proof {
  bool spf;  /* spf=pass with smtp.mailfrom in the domain asked for */
  bool dkim; /* dkim=pass with header.d (or header.i) aligned with it */
};

/* Looks for proof of `domain` (folded) in the Authentication-Results fields of the authserv-ids in `trusted` (NULL-terminated, ASCII
 * case ignored) that stand above the second Received field. Aligned: the same organisational domain (public suffix list). A field that
 * does not parse as a whole proves nothing; neither does a version other than 1, nor a result of which one property of the kind looked
 * at is of another domain. */
struct auth_proof auth_results_proof(const struct header_view *view, const char *domain, const char *const *trusted);
/* True if both folded domains have the same organisational domain. A public suffix, an address literal and a domain without a name are
 * aligned only with themselves. */
bool auth_domains_align(const char *a, const char *b);
