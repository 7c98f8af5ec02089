#include "verdict/moderation.h"

/* The first sender who is a member and whose action is other than `defer` decides. */
static bool
check(const struct facts *facts, struct verdict *verdict, GString *seen)
{
  bool any = false;
  for (guint i = 0; i < facts->senders->len; i++) {
    const struct sender *sender = g_ptr_array_index(facts->senders, i);
    if (!sender->is_member || !sender->proves_membership)
      continue;
    any = true;
    bool own = sender->moderation >= 0;
    int64_t action = own ? sender->moderation : facts->list->settings.default_member_action;
    seen_add(seen, "%s (%s) is %s, action %s%s", sender->address, sender->source, sender->roster, moderation_name(action), own ? "" : " by the list's default");
    if (moderation_apply(facts, (enum moderation)action, own ? MODERATED_RECORD : MODERATED_MEMBER, verdict))
      return true;
  }
  if (!any)
    seen_add(seen, "no sender is a member");
  return false;
}

const struct rule rule_member_moderation = { "member-moderation", check };
