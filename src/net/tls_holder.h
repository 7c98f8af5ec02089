#pragma once
/* The server's context in force: sessions take it, a reload puts another one in its place. Any thread. Where a holder is taken NULL is allowed, and holds
 * nothing. */
#include "net/tls.h"

struct tls_holder;

/* One that holds nothing yet. */
struct tls_holder *tls_holder_new(void);
/* While nobody uses it. NULL is allowed. */
void tls_holder_free(struct tls_holder *holder);
OWN_DEFINE(tls_holder, tls_holder_free)
/* Takes `context` over. NULL: there is no TLS from now on; who has it keeps it. */
void tls_holder_set(struct tls_holder *holder, struct tls_context *context);
/* Owned by the caller; NULL: there is none. */
struct tls_context *tls_holder_get(struct tls_holder *holder);
/* There is one; and it asks clients beyond this machine for certificates. */
bool tls_holder_has(const struct tls_holder *holder);
bool tls_holder_asks(const struct tls_holder *holder);
