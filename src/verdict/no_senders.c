#include "verdict/rule.h"

/* Discarded, not refused: with no reverse-path either there is nobody to tell. */
static bool
check(const struct facts *facts, struct verdict *verdict, GString *seen)
{
  seen_add(seen, "%u sender addresses", facts->senders->len);
  return facts->senders->len == 0 && verdict_discard(verdict, "it names no sender");
}

const struct rule rule_no_senders = { "no-senders", check };
