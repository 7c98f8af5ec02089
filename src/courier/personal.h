#pragma once
/* What is each member's own in the copies of a piece of work: made for that piece alone, at most CLAIM_PERSONAL_MAX members, and freed with it. */
#include "courier/claim.h"

/* Sets the envelope senders of `mail`, whose recipient i is the claim's target i: with the posting's tag in a batch, each with the member's in personal copies. Mail that
 * is no list's has none. What `mail` borrows is added to `texts` (char *). */
void personal_senders(struct transmission *mail, const struct claim *claim, GPtrArray *texts);
/* Sets what stands in the slots of personal copies, where mail->as_is has them. RES_TEMP: the members' names cannot be read. */
enum res personal_fields(struct transmission *mail, const struct claim *claim, struct store *store, GPtrArray *texts, GError **error) MUST_CHECK;
