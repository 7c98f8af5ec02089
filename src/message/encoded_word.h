#pragma once
/* Encoded words (RFC 2047) in unstructured text and display names. */
#include "base/slice.h"

/* One as it stands in a text, whose octets it borrows. */
struct encoded_word {
  struct slice charset; /* printable ASCII, without the language of RFC 2231 */
  char encoding;        /* 'b' or 'q' */
  struct slice text;    /* still encoded */
  size_t length;        /* of the whole word */
};

/* Length of the text before the first encoded word, which is put into `word`; all of it if there is none. Words are found as they are
 * decoded below: also within other words, and with blanks in them. Any thread. */
size_t encoded_word_find(struct slice text, struct encoded_word *word);
/* Appends the octets that `word` stands for, in its charset. */
void encoded_word_octets(const struct encoded_word *word, GString *out);

/* True: base64 is so much shorter for `text` that it is worth what a person can read without a decoder. */
bool encoded_word_prefers_base64(struct slice text);
/* How much of `text` fits into `room` octets once encoded, in whole characters if it is `utf8`; one at least, if there is one. */
size_t encoded_word_fitting(struct slice text, bool utf8, bool base64, size_t room);
/* Appends "=?CHARSET?Q?…?=", or B, fit for every place (RFC 2047 5 (3)). */
void encoded_word_append(GString *out, struct slice text, const char *charset, bool base64);

/* `text` with its encoded words decoded, as UTF-8 on one line without control characters (charset_clean), at most `max` octets; owned by
 * the caller. Total: what is no encoded word stays, octets of no known charset are guessed (charset_guess). Any thread. */
char *encoded_words_decode(struct slice text, size_t max);
/* The same for one of many texts that share `conversions`: how many more may be begun, counted down. At 0 octets are guessed. */
char *encoded_words_decode_within(struct slice text, size_t max, unsigned *conversions);
