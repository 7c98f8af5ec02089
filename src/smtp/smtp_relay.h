#pragma once
/* A transaction handed on to the next server while its client is still on the line: command by command, with the server's replies as they come. One thread at a time.
 *
 * What the functions give that talk to the server:
 * RES_OK: it said 2xx (354 to DATA). RES_BAD, RES_TEMP (REPLY_REFUSED, REPLY_NEXT_HOP_TROUBLE): it refuses for good, or for now; smtp_relay_reply() is its reply, fit to be passed
 * back. RES_TEMP (REPLY_NEXT_HOP_TROUBLE) and no smtp_relay_reply(): it is gone, too slow, about to close (421), or says what is no answer to that command; nothing more can
 * be said to it, and all that follows fails alike. */
#include "net/stream.h"
#include <glib.h>

struct smtp_relay;

struct smtp_relay_options {
  const char *hostname;  /* ours, for EHLO; copied */
  int64_t reply_timeout; /* microseconds, for each reply and each block of a message */
  int64_t taken_timeout; /* for the reply to a message */
};

/* Octets of one reply that are passed back at most; a longer one counts as no answer. */
#define SMTP_RELAY_REPLY_MAX (16 * 1024)

/* Takes over `stream`. Nothing is said yet. */
struct smtp_relay *smtp_relay_new(struct stream *stream, const struct smtp_relay_options *options);
/* Says QUIT if that is possible, does not wait for the answer, and closes. In the middle of a message: closes without a word, so that nobody gets it. NULL is allowed. */
void smtp_relay_free(struct smtp_relay *relay);
OWN_DEFINE(smtp_relay, smtp_relay_free)

/* Reads the greeting, says EHLO (HELO where that is unknown). All that is not 2xx is the server's trouble, none of it to be passed back. */
enum res smtp_relay_hello(struct smtp_relay *relay, GError **error) MUST_CHECK;

/* An attribute of XFORWARD. NULL: not known. */
struct smtp_attribute {
  const char *name, *value;
};
/* Says what is known and the server asks for (Postfix: https://www.postfix.org/XFORWARD_README.html). A server that refuses it is none the worse. */
enum res smtp_relay_xforward(struct smtp_relay *relay, const struct smtp_attribute *attributes, size_t n, GError **error) MUST_CHECK;

/* MAIL and RCPT with what the client wrote between the brackets and behind them. Of the parameters those of RFC 1870, 6152, 6531 and 3461 go on, if the server offers what they are part
 * of. RES_BAD (REPLY_NO_SMTPUTF8), and no reply: SMTPUTF8 was asked for, and it is not offered. */
enum res smtp_relay_mail(struct smtp_relay *relay, struct slice path, struct slice parameters, GError **error) MUST_CHECK;
enum res smtp_relay_rcpt(struct smtp_relay *relay, struct slice path, struct slice parameters, GError **error) MUST_CHECK;

/* A message: DATA, its octets in any number of parts, the end. Lines end with CRLF alone; dots are stuffed here, and a last line without an end gets one. */
enum res smtp_relay_data(struct smtp_relay *relay, GError **error) MUST_CHECK;
enum res smtp_relay_octets(struct smtp_relay *relay, struct slice octets, GError **error) MUST_CHECK;
enum res smtp_relay_end(struct smtp_relay *relay, GError **error) MUST_CHECK;

/* What the server said last: whole lines with CRLF, at most SMTP_RELAY_REPLY_MAX octets; "" if it is not to be passed back. Borrowed until the next command. */
struct slice smtp_relay_reply(const struct smtp_relay *relay);
