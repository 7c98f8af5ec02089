#pragma once
/* What sort of message it is, by its header alone. */
#include "message/header.h"

/* "" if an ordinary message; else the reason it is an automatic one, e.g. "Auto-Submitted: auto-replied", "a delivery status report".
 * Static. The null reverse-path is the caller's to see. Delivery and disposition reports by Content-Type multipart/report with report-type
 * delivery-status, disposition-notification (RFC 3464, 8098), Auto-Submitted by RFC 3834 (only auto-replied counts). */
const char *kind_automatic(const struct header_view *view);
/* Number of Received fields. */
size_t kind_hops(const struct header_view *view);
/* Names a defect that makes the message undeliverable, in words that fit behind "the message cannot be read: ", or NULL. Static. What
 * header_view_new refuses never comes here; what is left is a message without a single header field. Odd ones are no defect (no From or
 * To, lines that are no field, NUL in a body, 8-bit header octets, long lines, missing Message-ID, Date, Subject). */
const char *kind_defect(const struct header_view *view);
