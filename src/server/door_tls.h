#pragma once
/* STARTTLS of the doors: [lmtp] tls_certificate, tls_key, tls_client_ca. */
#include "base/config.h"
#include "net/tls_holder.h"

/* Reads the files. `context`: owned by the caller; NULL: no certificate is configured. RES_BAD: one cannot be used; the error names configuration, section, key, file
 * and reason. */
enum res door_tls_load(const struct config *config, struct tls_context **context, GError **error) MUST_CHECK;
/* Only tries. */
enum res door_tls_check(const struct config *config, GError **error) MUST_CHECK;
/* Puts what the files hold now into `holder`. */
enum res door_tls_apply(const struct config *config, struct tls_holder *holder, GError **error) MUST_CHECK;
