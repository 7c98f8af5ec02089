#pragma once
/* The part of an address behind the '@': RFC 5321 4.1.2 Domain and address-literal, RFC 5890 names. */
#include "base/slice.h"

/* A name lower-cased as A-labels (UTS 46 mapping, nontransitional); one label and underscores are allowed. NULL if it is no name. The key
 * of a key is the key. Owned by the caller. Any thread. */
char *domain_name_key(struct slice name);
/* The form under which domains are compared: names lower-cased as A-labels, address literals as inet_ntop(3) writes them, in brackets.
 * NULL if it is neither. The key of a key is the key. Owned by the caller. Any thread. */
char *domain_key(struct slice domain);
/* A folded name as people write it: its A-labels as U-labels (RFC 5890 2.3.2.1), for programs that look names up in either form. NULL: it has none, or they stand for nothing
 * valid. Owned by the caller. Any thread. */
char *domain_name_unicode(const char *name);
