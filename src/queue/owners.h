#pragma once
/* Who gets the mail to role addresses that people read. Inside a store_fn. */
#include "queue/posting.h"
#include <glib.h>

/* Owners and moderators a message goes to at most: of a list, of all lists of a domain. */
#define OWNERS_MAX 100
#define OWNERS_OF_DOMAIN_MAX 20

/* Makes the delivery of a posting to ROLE_OWNER (owners and moderators with delivery enabled) or ROLE_POSTMASTER (owners of the domain's
 * lists), else to `site_owner` ("" if none). RES_MORE: there is nobody; nothing was made. The copies' envelope sender is one whose mail
 * comes to no owner: a list's -bounces, a domain's noreply. */
enum res owners_deliver(struct tx *tx, const struct posting *posting, const char *site_owner, int64_t now, GError **error) MUST_CHECK;
