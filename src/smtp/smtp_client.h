#pragma once
/* A connection to an SMTP server: TLS, greeting, EHLO, login, transactions in as few flights as it allows, QUIT. One thread at a time,
 * but for smtp_client_cut. */
#include "smtp/transmission.h"
#include "net/stream.h"

struct smtp_client;
struct tls_context;

/* What it points to must outlive the client. */
struct smtp_client_options {
  const char *hostname;               /* ours, for EHLO */
  const char *name;                   /* of this connection: struct transmission's `via`, to which the number of the transaction is added */
  size_t max_recipients;              /* of one transaction */
  const char *const *ignore_keywords; /* what it offers and shall not be used; NULL-terminated, or NULL */
  struct tls_context *tls;            /* NULL: no TLS */
  bool tls_implicit;                  /* from the first octet; else by STARTTLS, without which nothing is sent */
  const char *tls_name;               /* that its certificate must be for */
  const char *user, *password;        /* AUTH; NULL: no login. Only under TLS, or to the same machine */
};

/* Takes over `stream`. Nothing is said or read yet. */
struct smtp_client *smtp_client_new(struct stream *stream, const struct smtp_client_options *options);
/* TLS, greeting, EHLO (HELO where that is unknown), STARTTLS, AUTH. Once, before all else.
 * RES_TEMP: the server is not to be had now. RES_BAD: it refuses us for good (5xx), speaks no SMTP, lacks what we must have, or is not who it should be:
 * somebody must look at it. */
enum res smtp_client_hello(struct smtp_client *client, GError **error) MUST_CHECK;
/* Closes without a word. NULL is allowed. */
void smtp_client_free(struct smtp_client *client);
OWN_DEFINE(smtp_client, smtp_client_free)
/* Says QUIT, waits until `deadline` (monotonic) for the answer, closes and frees. */
void smtp_client_quit(struct smtp_client *client, int64_t deadline);

/* Sends to all pending recipients, in as many transactions as it takes, in the form that the server can take. What it cannot take (size,
 * 8 bit, SMTPUTF8) fails here with a reply of ours.
 * RES_OK: no recipient is pending. RES_MORE: some recipients were refused, and the rest had better go over a fresh connection. RES_TEMP: the connection is lost or of no use any more (closed, too slow, 421, no SMTP), or the form that the server
 * needs cannot be made now. Recipients answered before that have their outcome; those of messages that had left but were not answered are
 * OUTCOME_DEFERRED, since nobody knows; the rest are pending. */
enum res smtp_client_send(struct smtp_client *client, struct transmission *transmission, GError **error) MUST_CHECK;
/* True: the server answered something during the last smtp_client_send. */
bool smtp_client_answered(const struct smtp_client *client);
/* True: during smtp_client_hello, or the last smtp_client_send, the server asked for less: 421 anywhere, 4xx for greeting, EHLO or MAIL, 451 or 452
 * for a message. */
bool smtp_client_congested(const struct smtp_client *client);
/* True: so much was refused over it that the server may answer slowly, or hang up: it is not to be used again. */
bool smtp_client_worn(const struct smtp_client *client);
/* Any thread, while the client is not being freed: breaks the connection, so that what waits on it ends. */
void smtp_client_cut(const struct smtp_client *client);
