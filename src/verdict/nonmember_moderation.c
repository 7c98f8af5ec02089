#include "verdict/moderation.h"

static bool
some_member(const struct facts *facts)
{
  for (guint i = 0; i < facts->senders->len; i++) {
    const struct sender *sender = g_ptr_array_index(facts->senders, i);
    if (sender->is_member && sender->proves_membership)
      return true;
  }
  return false;
}

/* The first sender with a non-member record of its own action, or NULL. */
static const struct sender *
known_nonmember(const struct facts *facts)
{
  for (guint i = 0; i < facts->senders->len; i++) {
    const struct sender *sender = g_ptr_array_index(facts->senders, i);
    if (sender->is_nonmember && sender->moderation >= 0 && sender->proves_membership)
      return sender;
  }
  return NULL;
}

static void
see_senders(const struct facts *facts, GString *seen)
{
  for (guint i = 0; seen && i < facts->senders->len; i++) {
    const struct sender *sender = g_ptr_array_index(facts->senders, i);
    seen_add(seen, "%s (%s) is no member%s", sender->address, sender->source, sender->is_member ? " by that header" : "");
  }
}

static bool
check(const struct facts *facts, struct verdict *verdict, GString *seen)
{
  if (some_member(facts)) {
    seen_add(seen, "a sender is a member");
    return false;
  }
  see_senders(facts, seen);
  const struct sender *known = known_nonmember(facts);
  int64_t action = known ? known->moderation : facts->list->settings.default_nonmember_action;
  seen_add(seen, "action %s %s%s", moderation_name(action), known ? "by the record of " : "by the list's default", known ? known->address : "");
  return moderation_apply(facts, (enum moderation)action, known ? MODERATED_RECORD : MODERATED_STRANGER, verdict);
}

const struct rule rule_nonmember_moderation = { "nonmember-moderation", check };
