#pragma once
/* For tls.c: what a context holds. */
#include "net/tls.h"
#include <openssl/ssl.h>

struct tls_context {
  SSL_CTX *ctx;
  bool verify; /* the peer's certificate; of clients: of those that are not on this machine */
};

/* Why OpenSSL's last call in this thread failed: the first thing that went wrong. Empties the thread's queue of errors. Borrowed from static
 * storage or, as strerror's, valid until the next call. */
const char *tls_reason(void);
