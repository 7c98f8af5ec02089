#include "verdict/rule.h"

static bool
check(const struct facts *facts, struct verdict *verdict, GString *seen)
{
  const char *defect = facts->content->defect;
  seen_add(seen, "%s", defect ? defect : "no defect");
  return defect && verdict_refuse(verdict, GROUND_CONTENT, REPLY_MALFORMED, "%s", defect);
}

const struct rule rule_malformed = { "malformed", check };
