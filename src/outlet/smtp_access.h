#pragma once
/* How an SMTP outlet gets in: TLS and the login. Certificates are read when first needed and then kept, the password for each connection; what
 * the files hold is looked at anew after a refresh. Any thread. */
#include "base/own.h"
#include "outlet/outlet.h"

struct smtp_access;
struct tls_context;

/* RES_BAD: what is needed is missing; the error names section and key. No file is read yet. */
enum res smtp_access_new(const struct outlet_options *options, struct smtp_access **access, GError **error) MUST_CHECK;
/* All passes must have been cleared. NULL is allowed. */
void smtp_access_free(struct smtp_access *access);
OWN_DEFINE(smtp_access, smtp_access_free)
/* Forgets certificates; connections that use them keep them. */
void smtp_access_refresh(struct smtp_access *access);

/* What a connection needs, for as long as it lasts. */
struct smtp_pass {
  struct tls_context *tls; /* NULL: no TLS */
  bool tls_implicit;
  const char *tls_name;       /* "": the next hop's own */
  const char *user;           /* NULL: no login */
  char *password;             /* NULL: no login */
  struct smtp_tls *shared;    /* private */
};
/* RES_BAD: a file cannot be used; the error names section, key and file. */
enum res smtp_access_pass(struct smtp_access *access, struct smtp_pass *pass, GError **error) MUST_CHECK;
/* When the connection is over. An empty one is allowed. */
void smtp_pass_clear(struct smtp_pass *pass);
