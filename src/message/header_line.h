#pragma once
/* Writes one header field in ASCII: word by word, folded to lines of 76 octets where there are blanks, with encoded words (RFC 2047) for
 * what is not ASCII. One thread at a time. */
#include "base/own.h"
#include "base/slice.h"
#include <glib.h>

struct header_line;

/* Where encoded words stand (RFC 2047 5). */
enum header_place {
  HEADER_PLACE_TEXT,    /* unstructured text: only words that are not ASCII are encoded, and what is between them */
  HEADER_PLACE_COMMENT, /* within the parentheses of a comment: also words with parentheses and backslashes */
  HEADER_PLACE_PHRASE,  /* a display name: all of it, for words and special characters need not keep quotation marks */
};

/* True: nothing needs to stand for an octet of `text`: no NUL, no DEL, none above 127. */
bool header_line_is_ascii(struct slice text);

/* A line that goes to the end of `out`, which must outlive it and holds what was written only as long as nobody else writes there. */
struct header_line *header_line_new(GString *out);
void header_line_free(struct header_line *line);
OWN_DEFINE(header_line, header_line_free)

/* Blanks before the next word: a fold may come before them. Empty: there are none. They count only if a word follows. */
void header_line_blanks(struct header_line *line, struct slice blanks);
/* A blank, if there is none yet and an encoded word stands before: that must not touch other words (RFC 2047 5). */
void header_line_separate(struct header_line *line);
/* ASCII without line ends, as it is; broken at its blanks only if it does not fit a line otherwise. */
void header_line_word(struct header_line *line, struct slice word);
/* ASCII words parted by blanks, which stay. */
void header_line_words(struct header_line *line, struct slice words);
/* Text of any octets: words parted by blanks. Encoded words in it stay if they are ASCII and no longer than they should be, else they are
 * made anew in their charset. What is encoded is UTF-8, or "unknown-8bit" (RFC 1428 3) if it is not valid as that. It decodes to what it
 * decoded to before (encoded_words_decode). */
void header_line_text(struct header_line *line, struct slice text, enum header_place place);
