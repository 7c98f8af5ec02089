#pragma once
/* For tls.c: whom we speak with. */
#include "net/tls_context.h"

/* What was wrong with a certificate, noted while OpenSSL looks at it. */
struct tls_objection {
  int error; /* X509_V_ERR_…; X509_V_OK: nothing */
  char *certificate; /* "for a.example, b.example, issued by CN=x" */
};

/* Before the handshake: sends `name` as SNI unless it is an IP address, and has the certificate checked for it if the context says so.
 * `objection` must live as long as `ssl`; the caller frees its text. False: OpenSSL would not; see tls_reason. */
bool tls_expect(SSL *ssl, const struct tls_context *context, const char *name, struct tls_objection *objection);
/* The same on the server's side: asks the client for a certificate that must be good. */
void tls_demand(SSL *ssl, struct tls_objection *objection);
/* What the client's certificate says of itself: "for client.example.com, issued by CN=x"; owned by the caller. NULL: it has shown none. */
char *tls_client_text(SSL *ssl);
/* RES_BAD: sets `error` to what was wrong with the client's certificate. */
enum res tls_object_to_client(const struct tls_objection *objection, GError **error) MUST_CHECK;
/* RES_BAD: sets `error` to what was wrong with the certificate of `name` and what can be done. */
enum res tls_object(const struct tls_objection *objection, const char *name, GError **error) MUST_CHECK;
