#pragma once
/* For tests: reads both sides of a dialogue after it, command by command and reply by reply, and says what a client may conclude from it. */
#include "smtp/transmission.h"

/* Aborts, saying why, unless
 * - `said`, from the first MAIL on, is nothing but whole transactions and at most one that was broken off, each content being the copy of its recipients;
 * - a recipient is SENT only if it was accepted and its message was answered by 2xx, and has got no second copy;
 * - a recipient is PENDING only if no message that it was accepted for was answered;
 * - each that is not PENDING has a reply, and none is in a transaction any more.
 * `replies`: all that the server sent. Addresses are unlike. */
void smtp_oracle_check(const struct transmission *mail, const struct copy_form *form, struct slice said, struct slice replies);
