#pragma once
/* Encoded words (RFC 2047) in unstructured text and display names. */
#include "base/slice.h"

/* `text` with its encoded words decoded, as UTF-8 on one line without control characters (charset_clean), at most `max` octets; owned by
 * the caller. Total: what is no encoded word stays, octets of no known charset are guessed (charset_guess). Any thread. */
char *encoded_words_decode(struct slice text, size_t max);
/* The same for one of many texts that share `conversions`: how many more may be begun, counted down. At 0 octets are guessed. */
char *encoded_words_decode_within(struct slice text, size_t max, unsigned *conversions);
