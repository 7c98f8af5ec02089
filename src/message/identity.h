#pragma once
/* What makes a message the same message: its Message-ID, the hash archives know it by, and the key by which a repeat is recognised. All
 * are functions of the octets alone, total, and the same for a header that was folded elsewhere. */
#include "message/header.h"

/* Octets of a Message-ID at most; a longer one cannot be used. */
#define MESSAGE_ID_MAX 998

/* The first Message-ID field's id (RFC 5322 3.6.4) without angle brackets and comments around it, or NULL if there is none that can be
 * used (empty, too long). Lenient: without brackets it is all of the value but comments and blanks around. Valid UTF-8 (other octets
 * become U+FFFD), no controls; owned by the caller. */
char *identity_message_id(const struct header_view *view);
/* A Message-ID made from the content alone (what identity_key looks at), so that a repeat gets the same one: hash@domain, no brackets;
 * owned by the caller. */
char *identity_make_message_id(const struct header_view *view, const char *domain);
/* Message-ID-Hash: base32 (RFC 4648) of SHA-1 of the id without brackets (32 letters); owned by the caller. */
char *identity_hash(const char *message_id);

#define IDENTITY_KEY_SIZE 32
/* SHA-256 over the unfolded values of Message-ID, From, Date and Subject and the body's octets (DESIGN 2, "Exactly once in"). List and
 * reverse-path are not in it. */
void identity_key(const struct header_view *view, unsigned char key[IDENTITY_KEY_SIZE]);
