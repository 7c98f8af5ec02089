/* The functions that OpenSSL 3 has put behind its EVP: those make two allocations and look an algorithm up by name for each digest, and may read
 * OpenSSL's configuration when they are called first, which is behind the sandbox. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "message/digest.h"
#include <glib.h>
#include <openssl/sha.h>
#include <string.h>

G_STATIC_ASSERT(sizeof(SHA256_CTX) <= sizeof(struct digest) && DIGEST_SIZE == SHA256_DIGEST_LENGTH);

static SHA256_CTX *
state_of(struct digest *digest)
{
  return (SHA256_CTX *)(void *)digest->state;
}

void
digest_begin(struct digest *digest)
{
  SHA256_Init(state_of(digest));
}

void
digest_add(struct digest *digest, struct slice octets)
{
  if (octets.n)
    SHA256_Update(state_of(digest), octets.p, octets.n);
}

void
digest_add_text(struct digest *digest, const char *text)
{
  digest_add(digest, (struct slice){ text, strlen(text) + 1 });
}

void
digest_end(struct digest *digest, unsigned char out[DIGEST_SIZE])
{
  SHA256_Final(out, state_of(digest));
}
