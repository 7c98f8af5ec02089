#pragma once
/* Attempts at a recipient, or at a whole chunk, as stored: a line each, "AT VIA<tab>TEXT", the oldest first: when (epoch microseconds), to whom (struct
 * transmission_reply's via; "" if nobody was reached), and what was said. A line "dropped N" stands for N that are no longer told. */
#include "base/slice.h"
#include "smtp/transmission.h"

/* The first and the last so many are told. */
#define ATTEMPTS_FIRST 3
#define ATTEMPTS_LAST 12

struct attempt {
  int64_t at;
  struct slice via, text;
  int64_t dropped; /* above 0: this stands for so many; nothing else is set */
};

/* What a reply says. Borrowed from it; NULL is allowed: nobody said anything. */
struct attempt attempt_of(const struct transmission_reply *reply, int64_t now);
/* `text` as it may stand in a line: line ends and tabs are blanks, and what is beyond SMTP_REPLY_TEXT_MAX octets is cut off. Owned by the caller. */
char *attempt_clean(struct slice text);
/* Adds the line, its texts cleaned. */
void attempt_write(GString *out, const struct attempt *attempt);
/* `history` with one attempt more, and with some fewer if there are too many; owned by the caller. */
char *attempts_add(struct slice history, const struct attempt *attempt);
/* Cuts the next attempt off `rest`; lines that are none are passed over. False: there is none. Borrowed. Total. */
bool attempts_next(struct slice *rest, struct attempt *attempt);
