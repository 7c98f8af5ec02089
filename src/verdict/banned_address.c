#include "verdict/moderation.h"

/* Any sender, Reply-To too. */
static bool
check(const struct facts *facts, struct verdict *verdict, GString *seen)
{
  if (!facts->banned) {
    seen_add(seen, "no sender is banned");
    return false;
  }
  seen_add(seen, "banned by %s", facts->banned);
  return moderation_refuse_author(facts, verdict);
}

const struct rule rule_banned_address = { "banned-address", check };
