#pragma once
/* Which form of a message a server can take, and for whom it can take none. */
#include "smtp/ehlo.h"
#include "smtp/transmission.h"

/* Chooses the form by what the server lacks, 8BITMIME or SMTPUTF8, and fails what it cannot take: the message, or single recipients; by size, octets,
 * addresses. RES_OK: `form` is for all who are still pending, maybe nobody. RES_TEMP: the form cannot be made now. */
enum res smtp_form_choose(const struct ehlo *ehlo, struct transmission *mail, const struct copy_form **form, GError **error) MUST_CHECK;
