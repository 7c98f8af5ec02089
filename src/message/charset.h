#pragma once
/* Text of any charset as UTF-8, for looking at. Total: what cannot be decoded becomes U+FFFD. Any thread. */
#include "base/slice.h"

/* Appends `octets` to `out` as UTF-8: by iconv(3) if `charset` is one that mail uses and this machine has, else as charset_guess does. */
void charset_decode(struct slice octets, struct slice charset, GString *out);
/* Appends `octets` of no known charset to `out`: UTF-8 if they are that, else Latin-1. */
void charset_guess(struct slice octets, GString *out);
/* `text` (UTF-8) on one line and fit to be shown: blanks of all sorts become spaces, controls and characters that turn the direction of
 * text (U+202A to E, U+2066 to 9) U+FFFD; trimmed; at most `max` octets, cut between characters. Owned by the caller. */
char *charset_clean(const GString *text, size_t max);
