#pragma once
/* Exactly once in: how a message that an MTA sends again is recognised (DESIGN 2). Inside a store_fn, but for repeat_key. */
#include "list/list_index.h"
#include "message/identity.h"
#include "queue/posting.h"
#include "verdict/facts.h"

/* Of SHA-256: 128 bits, so that the index over them stays small. */
#define REPEAT_KEY 16
/* SHA-256 of what makes the message the same message; one whose header cannot be viewed is identified by all its octets. Costs a pass over
 * the body: once for all recipients. Any thread. */
void repeat_identity(const struct content *content, unsigned char identity[IDENTITY_KEY_SIZE]);
/* The key: the head of SHA-256 over what the address means (role, domain, argument), the folded reverse-path and the message's identity. Any thread. */
void repeat_key(const struct list_target *target, const char *reverse_path, const unsigned char identity[IDENTITY_KEY_SIZE], unsigned char key[REPEAT_KEY]);

/* What was answered the first time. */
struct repeat {
  enum role role;
  enum posting_state state;
  char code[17];
};
/* RES_OK: it came before, after `since`: a posting has the key. RES_MORE: it did not. */
enum res repeat_find(struct tx *tx, int64_t list_id, const unsigned char key[REPEAT_KEY], int64_t since, struct repeat *repeat, GError **error) MUST_CHECK;
/* What is answered now. */
enum reply repeat_reply(const struct repeat *repeat);
