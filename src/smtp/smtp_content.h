#pragma once
/* The octets of a message to a server, from where they lie: by DATA with dots stuffed (RFC 5321 4.5.2), or by BDAT as they are (RFC 3030). */
#include "smtp/smtp_flight.h"

/* True: BDAT may send these octets: whole lines, each ended by CRLF, no stray CR or LF. Else DATA mends them. */
bool smtp_content_is_clean(struct slice octets);
/* After 354: the message and the dot; `empty`: the dot alone. Results as smtp_flight's. */
enum res smtp_content_data(struct smtp_peer *peer, struct smtp_transaction *transaction, bool empty, GError **error) MUST_CHECK;
/* BDAT with all of it, the last chunk. */
enum res smtp_content_bdat(struct smtp_peer *peer, struct smtp_transaction *transaction, GError **error) MUST_CHECK;
