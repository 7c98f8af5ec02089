#pragma once
/* A connection to an SMTP server: greeting, EHLO, transactions one after the other, QUIT. One thread at a time, but for smtp_client_cut. */
#include "courier/transmission.h"
#include "net/stream.h"

struct smtp_client;

/* Takes over `stream`. Nothing is said or read yet. `max_recipients`: of one transaction. */
struct smtp_client *smtp_client_new(struct stream *stream, size_t max_recipients);
/* Reads the greeting, says EHLO as `hostname` (HELO where that is unknown). Once, before all else.
 * RES_TEMP: the server is not to be had now. RES_BAD: it refuses us for good (5xx), or speaks no SMTP: somebody must look at it. */
enum res smtp_client_hello(struct smtp_client *client, const char *hostname, GError **error) MUST_CHECK;
/* Closes without a word. NULL is allowed. */
void smtp_client_free(struct smtp_client *client);
OWN_DEFINE(smtp_client, smtp_client_free)
/* Says QUIT, waits a second for the answer, closes and frees. */
void smtp_client_quit(struct smtp_client *client);

/* Sends to all pending recipients, in as many transactions as it takes. What the server cannot take (size, 8 bit, SMTPUTF8) fails here with
 * a reply of ours.
 * RES_OK: no recipient is pending. RES_TEMP: the connection is of no use any more, see smtp_transaction_run. */
enum res smtp_client_send(struct smtp_client *client, struct transmission *transmission, GError **error) MUST_CHECK;
/* True: the server answered something during the last smtp_client_send. */
bool smtp_client_answered(const struct smtp_client *client);
/* Any thread, while the client is not being freed: breaks the connection, so that what waits on it ends. */
void smtp_client_cut(const struct smtp_client *client);
