#include "verdict/rule.h"

/* RFC 5321 6.3 asks for a large number, at least 100 where that is the only guard; List-Id and hop header catch our own loops at the first turn. */
#define HOPS_MAX 50

static bool
check(const struct facts *facts, struct verdict *verdict, GString *seen)
{
  seen_add(seen, "%zu Received fields, at most %d", facts->content->hops, HOPS_MAX);
  seen_add(seen, "%s List-Id of this list", facts->own_list_id ? "has the" : "no");
  seen_add(seen, "%s hop header of this list", facts->own_hop ? "has the" : "no");
  if (facts->own_hop)
    return verdict_refuse(verdict, GROUND_LOOP, REPLY_LOOP, "it carries the list's own mark");
  if (facts->own_list_id)
    return verdict_refuse(verdict, GROUND_LOOP, REPLY_LOOP, "it carries the list's own List-Id");
  if (facts->content->hops > HOPS_MAX)
    return verdict_refuse(verdict, GROUND_LOOP, REPLY_LOOP, "%zu Received fields, more than %d", facts->content->hops, HOPS_MAX);
  return false;
}

const struct rule rule_loop = { "loop", check };
