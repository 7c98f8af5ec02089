#include "verdict/header_search.h"
#include "verdict/moderation.h"

/* As with moderation, a list that conceals its members does not refuse: a member whose postings are held would hear something else. */
static bool
refuse_or_hold(const struct facts *facts, const struct header_found *found, struct verdict *verdict)
{
  if (facts->list->settings.conceal_members)
    return header_found_hold(facts, found, verdict);
  g_autofree char *owner = list_role_address(facts->list, "owner");
  return verdict_refuse(verdict, GROUND_POLICY, REPLY_REFUSED, "%s takes no messages with a \"%.*s\" field like this; if you think it should, write to %s",
                        facts->list->posting, SLICE_FMT(found->match.name), owner);
}

static bool
apply(const struct facts *facts, const struct header_found *found, struct verdict *verdict)
{
  if (found->limit)
    return header_found_hold(facts, found, verdict);
  switch (found->match.action) {
  case MODERATION_ACCEPT:
    return verdict_accept(verdict);
  case MODERATION_REJECT:
    return refuse_or_hold(facts, found, verdict);
  case MODERATION_DISCARD:
    return verdict_discard(verdict, "%s discards messages with a \"%.*s\" field like this", facts->list->posting, SLICE_FMT(found->match.name));
  default:
    return header_found_hold(facts, found, verdict);
  }
}

static bool
check(const struct facts *facts, struct verdict *verdict, GString *seen)
{
  char *const *rows = facts->list->settings.header_matches;
  struct header_found found = header_search(facts->content, rows);
  header_found_see(&found, rows, seen);
  return found.some && apply(facts, &found, verdict);
}

const struct rule rule_header_match = { "header-match", check };
