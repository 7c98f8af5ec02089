#include "verdict/rule.h"

/* Before membership: a member's vacation reply is not for the list either. */
static bool
check(const struct facts *facts, struct verdict *verdict, GString *seen)
{
  const char *automatic = facts->content->automatic;
  seen_add(seen, "%s", *automatic ? automatic : "not an automatic message");
  return *automatic && verdict_discard(verdict, "it is an automatic message: %s", automatic);
}

const struct rule rule_auto_reply = { "auto-reply", check };
