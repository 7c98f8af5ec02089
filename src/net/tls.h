#pragma once
/* TLS towards servers and towards clients, by OpenSSL (RFC 8446, RFC 5246; STARTTLS in SMTP: RFC 3207). */
#include "net/stream.h"

struct tls_options {
  const char *ca_file;           /* PEM: whom to trust, roots or single certificates; "": whom the system trusts */
  const char *certificate, *key; /* PEM: our own, with its chain; "": none. An empty key lies in the certificate's file */
  bool verify;                   /* the server's certificate and name */
};

struct tls_context;

/* Reads the files; the options are not needed afterwards. TLS 1.2 at least. Any number of threads may use one context at once.
 * RES_BAD: a file cannot be used; the error names it and the reason. */
enum res tls_context_new(const struct tls_options *options, struct tls_context **context, GError **error) MUST_CHECK;
/* The server's side. */
struct tls_server_options {
  const char *certificate, *key; /* as above, but not "" */
  const char *client_ca;         /* PEM: who may have signed a client's certificate, or the certificate itself; "": clients are not asked for one */
};
/* As tls_context_new, for stream_accept_tls. */
enum res tls_context_new_server(const struct tls_server_options *options, struct tls_context **context, GError **error) MUST_CHECK;
/* The same context once more, to be freed by itself. Any thread that knows that `context` is not freed meanwhile. */
struct tls_context *tls_context_share(const struct tls_context *context);
/* True: clients beyond this machine must show a certificate. */
bool tls_context_asks(const struct tls_context *context);
/* While no stream_start_tls or stream_accept_tls runs with it; streams that have TLS already keep it. NULL is allowed. */
void tls_context_free(struct tls_context *context);
OWN_DEFINE(tls_context, tls_context_free)

/* Shakes hands as the client, within the stream's deadline; afterwards all that passes through the stream passes through TLS. `name`: of the server,
 * or its IP address; what the certificate must be for. Flushes first. After a failure the stream is of no use but for stream_free.
 * RES_BAD: the certificate is not acceptable (REPLY_TROUBLE; the error says which check failed, for which name and what can be done), or the
 * server had sent octets that were not consumed: what somebody put behind the answer to STARTTLS does not get into TLS (RFC 3207 section 6).
 * RES_TEMP: deadline (REPLY_TIMEOUT), connection lost or no TLS spoken there (REPLY_TROUBLE). */
enum res stream_start_tls(struct stream *stream, struct tls_context *context, const char *name, GError **error) MUST_CHECK;
/* Shakes hands as the server, otherwise as stream_start_tls. If the context asks for certificates, a client that is not on this machine (stream_is_local) must
 * show a good one. RES_BAD: it did not, and the error says why (REPLY_TROUBLE); or it had sent octets in the clear after its STARTTLS. */
enum res stream_accept_tls(struct stream *stream, const struct tls_context *context, GError **error) MUST_CHECK;
/* The peer has shown a certificate that was checked and found good. */
bool stream_tls_verified(const struct stream *stream);
/* For the log: "TLSv1.3 TLS_AES_256_GCM_SHA384 verified mail.example.com", or "… unverified …"; of a client, what its certificate says: "… verified
 * for client.example.com, issued by CN=x", or "… unverified". NULL without TLS. Borrowed from the stream. */
const char *stream_tls_text(const struct stream *stream);
