#pragma once
/* Login at an SMTP server (RFC 4954): PLAIN (RFC 4616) or LOGIN. Never where others could read the password: only under TLS, or to this machine. */
#include "smtp/ehlo.h"

/* RES_OK: logged in. RES_TEMP: not now. RES_BAD: the server offers neither mechanism or refuses the login, or the connection is not safe; the error
 * names the user. The password is in no error. The stream's deadline is the caller's. */
enum res smtp_auth_run(struct stream *stream, const struct ehlo *ehlo, const char *user, const char *password, GError **error) MUST_CHECK;
