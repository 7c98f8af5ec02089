#pragma once
/* Mail addresses: RFC 5321 4.1.2 Mailbox, RFC 6531 with SMTPUTF8. */
#include "base/error.h"
#include "base/own.h"
#include "base/slice.h"
#include <stdbool.h>

/* RFC 5321 4.5.3.1, octets. ADDRESS_MAX holds for every address. ADDRESS_LOCAL_MAX is for names we make ourselves: mail with longer local
 * parts is real (VERP: the MTA makes LIST-bounces+TAG+user=domain of our own sender), so address_parse lets them pass. */
#define ADDRESS_LOCAL_MAX 64
#define ADDRESS_MAX 254

/* An address as written (case preserved), without the quotes of a local part. Both parts are valid UTF-8 without control characters, and
 * not empty. */
struct address {
  char *local;  /* dequoted: may hold blanks, '@' and quotes */
  char *domain; /* may be an address literal in brackets */
  bool utf8;    /* has octets above 127: needs SMTPUTF8 */
};

/* All of `text` as one address: the Mailbox of RFC 5321 4.1.2, and dots anywhere in a local part and underscores in a domain, which real
 * mail has. RES_BAD (REPLY_BAD_ADDRESS): it is not one, is too long, or (REPLY_NEEDS_SMTPUTF8) `utf8` is false and it has octets above
 * 127. Any thread. */
enum res address_parse(struct slice text, bool utf8, struct address **address, GError **error) MUST_CHECK;
void address_free(struct address *address);
OWN_DEFINE(address, address_free)

/* "local@domain", quoted where the grammar wants it; owned by the caller. */
char *address_text(const struct address *address);
/* The form under which addresses are compared and stored: local part NFC and lower-cased, quoted where the grammar wants it, domain
 * lower-cased A-labels or address literal. Never NULL; the key of a key is the key. Two spellings of one address have one key. Owned by
 * the caller. */
char *address_key(const struct address *address);
/* The same from text (UTF-8 allowed); NULL if it is no address. */
char *address_key_of(struct slice text);
/* The spelling of an address that needs no SMTPUTF8, where only its domain has octets above 127: the domain as A-labels (RFC 5890 2.3.2.1),
 * the local part as it is. NULL: there is no such spelling, or `text` is it already. Owned by the caller. */
char *address_ascii(struct slice text);
/* A domain lower-cased as A-labels (RFC 5891, UTS 46 mapping, nontransitional), names of one label and underscores allowed; NULL if it is
 * no domain name. Address literals are none. Owned by the caller. */
char *address_domain_key(struct slice domain);

/* Splits "<path> parameters" of MAIL and RCPT (RFC 5321 4.1.2). Source routes are dropped; blanks around are tolerated. `path` is what
 * stood between the brackets ("" for <>), not checked further; `parameters` what follows, trimmed. Both borrow from `argument`. RES_BAD
 * (REPLY_SYNTAX): no brackets. */
enum res path_split(struct slice argument, struct slice *path, struct slice *parameters, GError **error) MUST_CHECK;
