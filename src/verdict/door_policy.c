#include "verdict/door_policy.h"
#include "envelope/address.h"
#include "message/auth_results.h"

const char *
door_kind_name(enum door_kind door)
{
  return door == DOOR_FRONT ? "front" : "lmtp";
}

const char *
proof_name(enum proof proof)
{
  static const char *const names[] = {
    [PROOF_NONE] = "none", [PROOF_FRONT] = "front", [PROOF_SPF] = "spf", [PROOF_DKIM] = "dkim", [PROOF_LOCAL] = "local",
  };
  g_assert(proof < G_N_ELEMENTS(names));
  return names[proof];
}

/* The folded domain of a reverse-path, or NULL; owned by the caller. */
static char *
domain_of(const char *reverse_path)
{
  const char *at = strrchr(reverse_path, '@');
  return at ? address_domain_key(slice_of(at + 1)) : NULL;
}

static bool
is_local(const char *domain, const char *const *local_domains)
{
  for (const char *const *local = local_domains; local && *local; local++) {
    g_autofree char *key = address_domain_key(slice_of(*local));
    if (key && strcmp(key, domain) == 0)
      return true;
  }
  return false;
}

enum proof
proof_find(const struct proof_input *input)
{
  if (!input->trusted_peer || !*input->reverse_path)
    return PROOF_NONE;
  g_autofree char *domain = domain_of(input->reverse_path);
  if (!domain)
    return PROOF_NONE;
  if (input->xforward_source && g_ascii_strcasecmp(input->xforward_source, "LOCAL") == 0 && is_local(domain, input->local_domains))
    return PROOF_LOCAL;
  if (!input->header || !input->trusted_ids || !*input->trusted_ids)
    return PROOF_NONE;
  struct auth_proof found = auth_results_proof(input->header, domain, input->trusted_ids);
  return found.spf ? PROOF_SPF : found.dkim ? PROOF_DKIM : PROOF_NONE;
}

/* What an unproven refusal over LMTP becomes, by [lmtp] unproven. */
static const enum verdict_action unproven_actions[][3] = {
  [GROUND_NONE] = { [UNPROVEN_HOLD] = VERDICT_DISCARD, [UNPROVEN_DISCARD] = VERDICT_DISCARD, [UNPROVEN_REFUSE] = VERDICT_REJECT },
  [GROUND_STRANGER] = { [UNPROVEN_HOLD] = VERDICT_HOLD, [UNPROVEN_DISCARD] = VERDICT_DISCARD, [UNPROVEN_REFUSE] = VERDICT_REJECT },
  [GROUND_CONTENT] = { [UNPROVEN_HOLD] = VERDICT_HOLD, [UNPROVEN_DISCARD] = VERDICT_DISCARD, [UNPROVEN_REFUSE] = VERDICT_REJECT },
  [GROUND_POLICY] = { [UNPROVEN_HOLD] = VERDICT_DISCARD, [UNPROVEN_DISCARD] = VERDICT_DISCARD, [UNPROVEN_REFUSE] = VERDICT_REJECT },
  [GROUND_LOOP] = { [UNPROVEN_HOLD] = VERDICT_DISCARD, [UNPROVEN_DISCARD] = VERDICT_DISCARD, [UNPROVEN_REFUSE] = VERDICT_REJECT },
  [GROUND_SIZE] = { [UNPROVEN_HOLD] = VERDICT_REJECT, [UNPROVEN_DISCARD] = VERDICT_REJECT, [UNPROVEN_REFUSE] = VERDICT_REJECT },
};

/* What stands behind "; " in a refusal is for an author who sends again: not for one whose message waits for a moderator. */
static void
drop_advice(struct verdict *verdict)
{
  char *advice = verdict->reason ? strstr(verdict->reason, "; ") : NULL;
  if (advice)
    *advice = '\0';
}

void
door_policy_apply(struct verdict *verdict, enum door_kind door, enum proof proof, enum unproven_policy unproven, const char *reverse_path)
{
  g_assert(verdict->ground < G_N_ELEMENTS(unproven_actions) && unproven <= UNPROVEN_REFUSE);
  if (verdict->action != VERDICT_REJECT || verdict->ground == GROUND_SIZE || door == DOOR_FRONT)
    return;
  if (!*reverse_path)
    verdict->action = VERDICT_DISCARD;
  else if (proof == PROOF_NONE)
    verdict->action = unproven_actions[verdict->ground][unproven];
  if (verdict->action == VERDICT_HOLD)
    drop_advice(verdict);
}

void
door_policy_soften(struct verdict *verdict, enum proof proof, enum unproven_policy unproven, const char *reverse_path)
{
  door_policy_apply(verdict, DOOR_LMTP, proof, unproven, reverse_path);
  if (verdict->action != VERDICT_REJECT)
    return;
  verdict->action = VERDICT_HOLD;
  drop_advice(verdict);
}
