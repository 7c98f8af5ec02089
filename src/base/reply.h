#pragma once
/* The one table of SMTP and LMTP replies: outcome -> code, enhanced status code (RFC 3463), sentence.
 * No other place holds a literal "550". */
#include "base/slice.h"
#include <glib.h>
#include <stdbool.h>

/* X(name, code, enhanced status code, text). In the text, {id} {list} {reason} and {detail} are filled in
 * from struct reply_words. */
#define REPLY_TABLE(X)                                                                          \
  X(REPLY_ACCEPTED, 250, "2.6.0", "{id} accepted for {list}")                                   \
  X(REPLY_ALREADY_ACCEPTED, 250, "2.6.0", "{id} already accepted for {list}")                   \
  X(REPLY_ALREADY_HELD, 250, "2.6.0", "{id} already held for {list}")                           \
  X(REPLY_HELD, 250, "2.6.0", "{id} held for the moderators of {list}: {reason}")               \
  X(REPLY_WILL_BE_HELD, 250, "2.6.0", "it will wait for the moderators of {list}: {reason}")    \
  X(REPLY_DISCARDED, 250, "2.6.0", "{id} done")                                                 \
  X(REPLY_TAKEN, 250, "2.6.0", "{id} taken for {list}")                                         \
  X(REPLY_UNKNOWN_LIST, 550, "5.1.1", "no list here by that name")                              \
  X(REPLY_REFUSED, 550, "5.7.1", "{reason}")                                                    \
  X(REPLY_TOO_LARGE, 552, "5.3.4", "the message is too large: {detail}")                        \
  X(REPLY_LOOP, 554, "5.4.6", "{list} has seen this message before: {reason}")                  \
  X(REPLY_MALFORMED, 550, "5.6.0", "the message cannot be read: {detail}")                      \
  X(REPLY_NO_CONVERSION, 550, "5.6.3", "conversion required but not supported: {detail}")       \
  X(REPLY_NO_SMTPUTF8, 550, "5.6.7", "internationalised mail not supported: {detail}")          \
  X(REPLY_BAD_ADDRESS, 501, "5.1.3", "that address is not well-formed")                         \
  X(REPLY_BAD_SENDER, 501, "5.1.7", "that sender address is not well-formed")                   \
  X(REPLY_NEEDS_SMTPUTF8, 553, "5.6.7", "that address needs SMTPUTF8")                          \
  X(REPLY_TOO_MANY_RECIPIENTS, 452, "4.5.3", "too many recipients in one transaction")          \
  X(REPLY_LATER, 451, "4.7.1", "{reason}; again after {detail}")                                \
  X(REPLY_LIST_BUSY, 451, "4.7.1", "{reason}")                                                  \
  X(REPLY_TROUBLE, 451, "4.3.0", "temporary trouble here, nothing was kept; please try again")  \
  X(REPLY_FULL, 452, "4.3.1", "no room for the message now, nothing was kept; please try again") \
  X(REPLY_STOPPING, 451, "4.3.2", "the server is stopping, nothing was kept; please try again") \
  X(REPLY_BAD_SEQUENCE, 503, "5.5.1", "bad sequence of commands: {detail}")                     \
  X(REPLY_SYNTAX, 501, "5.5.4", "syntax error: {detail}")                                       \
  X(REPLY_UNKNOWN_COMMAND, 500, "5.5.2", "unknown command: {detail}")                           \
  X(REPLY_BARE_LINE_END, 500, "5.5.2", "bare CR or LF in a command; closing")                   \
  X(REPLY_LINE_TOO_LONG, 500, "5.5.2", "line too long")                                         \
  X(REPLY_ERRORS, 421, "4.7.0", "too many errors; closing")                                     \
  X(REPLY_TIMEOUT, 421, "4.4.2", "too slow; closing")                                           \
  X(REPLY_BUSY, 421, "4.3.2", "too many sessions, please try again")                            \
  X(REPLY_SHUTDOWN, 421, "4.3.2", "the server is stopping, please try again")                   \
  X(REPLY_NOT_ALLOWED, 421, "4.7.1", "connections from your address are not allowed here")         \
  X(REPLY_TLS_FIRST, 450, "4.7.0", "STARTTLS and a client certificate are needed first")        \
  X(REPLY_NO_TLS, 454, "4.7.0", "TLS is not available now")                                     \
  X(REPLY_START_TLS, 220, "2.0.0", "begin TLS")                                                 \
  X(REPLY_NO_RELAY, 550, "5.7.1", "mail for that address is not taken here")                    \
  X(REPLY_NEXT_HOP_TROUBLE, 451, "4.4.0", "the next hop cannot be reached now; please try again") \
  X(REPLY_SEVERAL, 250, "2.6.0", "{detail}")                                                   \
  X(REPLY_SMTP_GREETING, 220, "", "{detail} ESMTP Listward")                                    \
  X(REPLY_GREETING, 220, "", "{detail} LMTP Listward")                                          \
  X(REPLY_OK, 250, "2.0.0", "ok")                                                               \
  X(REPLY_SENDER_OK, 250, "2.1.0", "sender ok")                                                 \
  X(REPLY_RECIPIENT_OK, 250, "2.1.5", "recipient ok")                                           \
  X(REPLY_CHUNK_OK, 250, "2.0.0", "{detail} octets received")                                   \
  X(REPLY_SEND_DATA, 354, "", "send the message, end with a line holding only a dot")           \
  X(REPLY_VRFY, 252, "2.5.0", "not verified; send mail and its reply will tell")                \
  X(REPLY_HELP, 214, "2.0.0", "{detail}")                                                       \
  X(REPLY_BYE, 221, "2.0.0", "bye")                                                             \
  X(REPLY_HELLO, 250, "", "{detail}")

enum reply {
#define REPLY_ENUM(name, code, enhanced, text) name,
  REPLY_TABLE(REPLY_ENUM)
#undef REPLY_ENUM
  REPLY_COUNT
};

/* What fills a reply's text; NULL is written as nothing. Any octet a stranger wrote is escaped. */
struct reply_words {
  const char *id;     /* 8 to 16 of [a-z0-9] */
  const char *list;   /* the posting address, or the address taken for */
  const char *reason; /* one sentence for the author */
  const char *detail;
};

/* Longest reply line, CRLF included (RFC 5321 4.5.3.1.5). */
#define REPLY_LINE_MAX 512

/* Appends one line "CODE X.Y.Z text CRLF" of at most REPLY_LINE_MAX printable ASCII octets to `out`;
 * longer text is cut. `words` may be NULL. */
void reply_render(enum reply reply, const struct reply_words *words, GString *out);
/* The three-digit code. */
int reply_code(enum reply reply);
/* The enhanced status code, "" where the reply has none. */
const char *reply_enhanced(enum reply reply);
/* True for 4xx. */
bool reply_is_temporary(enum reply reply);
