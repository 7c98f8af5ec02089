#pragma once
/* Header fields in ASCII, for a peer without SMTPUTF8 (RFC 6531) or 8BITMIME. Any thread. */
#include "message/header.h"

/* What may stand for octets that are not ASCII, by the kind of field:
 *
 *   unstructured (Subject, Comments, Content-Description, all that are not known)   encoded words
 *   addresses (From, To, Reply-To …)     names, comments: encoded words; domains: A-labels; local parts: none
 *   identifiers (Message-ID, List-Id …)  phrases, comments: encoded words; within <…>: none
 *   URIs (List-Post …)                   comments: encoded words; else percent-encoding (RFC 3987 3.1)
 *   parameters (Content-Type …)          the extended notation of RFC 2231; of a boundary: none
 *   tokens (Date, MIME-Version …)        comments: encoded words; else '?', for they say nothing that way
 *   traces (Received, DKIM-Signature …)  '?'; so for lines that are no field
 *
 * Appends `field` with its CRLF. One that is 7-bit data keeps its octets; any other is folded anew.
 * RES_BAD: REPLY_NO_SMTPUTF8 for octets that nothing may stand for; REPLY_NO_CONVERSION for a line that cannot be folded to 998 octets.
 * The error's text names the field only. What was appended then is to be thrown away. */
enum res header_ascii_append(const struct header_field *field, GString *out, GError **error) MUST_CHECK;
