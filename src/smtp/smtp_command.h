#pragma once
/* The command lines of an envelope, with what the server offers: SIZE (RFC 1870), 8BITMIME (RFC 6152), SMTPUTF8 (RFC 6531), DSN (RFC 3461, 6533),
 * XVERP (Postfix: http://www.postfix.org/VERP_README.html). */
#include "smtp/smtp_transaction.h"

/* Sets `line` to MAIL, with its CRLF. */
void smtp_command_mail(const struct smtp_transaction *transaction, const struct ehlo *ehlo, GString *line);
/* Sets `line` to RCPT for a recipient by its number in the transmission, with its CRLF. */
void smtp_command_rcpt(const struct smtp_transaction *transaction, const struct ehlo *ehlo, size_t recipient, GString *line);
