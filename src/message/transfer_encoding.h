#pragma once
/* Content transfer encodings of MIME (RFC 2045 6), and what needs none. Any thread. */
#include "base/slice.h"

/* Octets of a line at most, without its CRLF (RFC 5322 2.1.1). */
#define LINE_OCTETS_MAX 998

/* True: `text` is "7bit data" (RFC 2045 2.7): no octet above 127, no NUL, CR and LF only as CRLF, no line over LINE_OCTETS_MAX. */
bool transfer_encoding_is_seven_bit(struct slice text);

/* Append `content` to `out`, encoded; lines of 76 octets at most, none that starts with "--" and so could be taken for a boundary.
 * Quoted-printable keeps CRLF as the line end and encodes every other CR and LF; it ends with a CRLF only if `content` does. Base64 ends
 * without one. */
void transfer_encoding_quoted_printable(struct slice content, GString *out);
void transfer_encoding_base64(struct slice content, GString *out);
/* True: quoted-printable would be over one and a half times as long as base64. */
bool transfer_encoding_prefers_base64(struct slice content);

/* Appends what `content`, said to be quoted-printable, decodes to: what breaks the rules stands for itself, as in GMime and elsewhere. */
void transfer_encoding_decode_quoted_printable(struct slice content, GString *out);
/* Appends `content`, said to be base64, as 7-bit data that decodes to the same: lines that are 7-bit data stay, of others the octets of
 * base64's alphabet, in lines of 76. */
void transfer_encoding_repair_base64(struct slice content, GString *out);
