#pragma once
/* Who may be refused where (DESIGN 6): turns a verdict into what a door may answer. Pure; any thread. */
#include "verdict/verdict.h"

enum door_kind {
  DOOR_LMTP,  /* behind the MTA's queue: a refusal becomes its bounce */
  DOOR_FRONT, /* in front of the queue: a refusal is a refusal */
};
/* "lmtp", "front". */
const char *door_kind_name(enum door_kind door);

enum unproven_policy { UNPROVEN_HOLD, UNPROVEN_DISCARD, UNPROVEN_REFUSE };

/* Why the return path counts as belonging to the author. */
enum proof { PROOF_NONE, PROOF_FRONT, PROOF_SPF, PROOF_DKIM, PROOF_LOCAL };
/* "none", "front", "spf", "dkim", "local". */
const char *proof_name(enum proof proof);

struct proof_input {
  const struct header_view *header; /* NULL: unreadable */
  const char *reverse_path;
  const char *xforward_source;       /* "LOCAL", "REMOTE" or NULL */
  bool trusted_peer;                 /* [lmtp] trusted_peers */
  const char *const *trusted_ids;    /* [auth] trusted, NULL-terminated; NULL: none */
  const char *const *local_domains;  /* [auth] local_domains, NULL-terminated; NULL: none */
};
/* The null reverse-path is never proven, nor is anything an untrusted peer says. */
enum proof proof_find(const struct proof_input *input);

/* `verdict` becomes what is done: an unproven refusal becomes hold or discard where DESIGN 6 says so, behind the queue a refusal with a
 * null reverse-path a discard; a refusal by size stays one. Its rule, ground and reason stay; of a reason why something is now held, the
 * advice goes. */
void door_policy_apply(struct verdict *verdict, enum door_kind door, enum proof proof, enum unproven_policy unproven, const char *reverse_path);
/* As behind the queue, but never a refusal: one reply is given for all recipients, and others take the message. What would be refused even there is held. */
void door_policy_soften(struct verdict *verdict, enum proof proof, enum unproven_policy unproven, const char *reverse_path);
