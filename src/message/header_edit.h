#pragma once
/* Edits of a header section as splices: every octet that is not named by an edit stays. One thread at a time.
 *
 * What does not survive header_edit_apply even without an edit, because it would not survive the next MTA either, or would make
 * the fields on top of it say something else: lines above the first field that start with "From " (mbox) or with a blank (a continuation
 * of nothing). */
#include "message/header.h"

struct header_edit;

/* Edits of `view`, which must outlive them. Never NULL. */
struct header_edit *header_edit_new(const struct header_view *view);
void header_edit_free(struct header_edit *edit);
OWN_DEFINE(header_edit, header_edit_free)

/* Takes a field of the view out, replaced or not. Twice is once. */
void header_edit_remove(struct header_edit *edit, const struct header_field *field);
/* Takes all fields of the view called `name` (ASCII case ignored) out; returns how many it took. Added ones stay. */
size_t header_edit_remove_all(struct header_edit *edit, const char *name);
/* Puts a field on top, above those added before it. `name` is a field name (RFC 5322 3.6.8, asserted). `value` must hold no CR, LF or
 * NUL (asserted; what strangers wrote is cleaned by the caller with header_clean): it is trimmed and folded at blanks near 78 columns,
 * never over 998 octets where a blank allows it. */
void header_edit_add(struct header_edit *edit, const char *name, const char *value);
/* Replaces a field's value in place: name and colon keep their octets. `value` is what follows the colon, with the blank there (one is
 * put in if it has none); it may hold folding (CRLF followed by a blank; other CR or LF are asserted against), which stays. Only lines
 * over 998 octets are folded further. The last replacement counts; one of a field taken out does nothing. */
void header_edit_replace(struct header_edit *edit, const struct header_field *field, const char *value);

/* True: some DKIM-Signature names `name` in its h= tag (RFC 6376 3.5, 5.4.2) more often than the edited header has it, so that adding
 * one would break that signature. Signatures that edits made so far have broken already, or that are taken out, count no more. */
bool header_edit_breaks_signature(const struct header_edit *edit, const char *name);
/* The number of DKIM-Signature fields broken by the edits so far. */
size_t header_edit_broken_signatures(const struct header_edit *edit);

/* The edited header section, with the empty line that ends it (also if the message had none); the body follows unchanged. Owned by the
 * caller. */
GBytes *header_edit_apply(const struct header_edit *edit);

/* A copy of `text` fit for a header value: CR, LF and other ASCII controls become spaces; owned by the caller. */
char *header_clean(const char *text);
/* `text` (UTF-8; what is not becomes U+FFFD) as RFC 2047 encoded words of at most 75 octets, fit for phrases too, if it has octets above
 * 127, controls, or what looks like an encoded word; else a copy. Owned by the caller. */
char *header_encode(const char *text);
