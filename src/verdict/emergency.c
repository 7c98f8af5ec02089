#include "verdict/rule.h"

static bool
check(const struct facts *facts, struct verdict *verdict, GString *seen)
{
  bool emergency = facts->list->settings.emergency != 0;
  seen_add(seen, "emergency is %s", emergency ? "on" : "off");
  return emergency && verdict_hold(verdict, "all postings to %s wait for a moderator at present", facts->list->posting);
}

const struct rule rule_emergency = { "emergency", check };
