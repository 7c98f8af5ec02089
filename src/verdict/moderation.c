#include "verdict/moderation.h"

static const char *const names[] = {
  [MODERATION_HOLD] = "hold",     [MODERATION_REJECT] = "reject", [MODERATION_DISCARD] = "discard",
  [MODERATION_ACCEPT] = "accept", [MODERATION_DEFER] = "defer",
};

const char *
moderation_name(int64_t action)
{
  return action >= 0 && action < (int64_t)G_N_ELEMENTS(names) ? names[action] : "default";
}

bool
moderation_refuse_author(const struct facts *facts, struct verdict *verdict)
{
  g_autofree char *owner = list_role_address(facts->list, "owner");
  return verdict_refuse(verdict, GROUND_POLICY, REPLY_REFUSED, "you may not post to %s; if you think you should, write to %s", facts->list->posting, owner);
}

static bool
moderation_refuse(const struct facts *facts, enum moderated who, struct verdict *verdict)
{
  if (who == MODERATED_RECORD)
    return moderation_refuse_author(facts, verdict);
  g_autofree char *owner = list_role_address(facts->list, "owner");
  if (who == MODERATED_MEMBER)
    return verdict_refuse(verdict, GROUND_STRANGER, REPLY_REFUSED, "members do not post to %s; write to %s instead", facts->list->posting, owner);
  return verdict_refuse(verdict, GROUND_STRANGER, REPLY_REFUSED, "you are not a member of %s; to become one, write to %s", facts->list->posting, owner);
}

static bool
hold_without_reason(const struct facts *facts, struct verdict *verdict)
{
  return verdict_hold(verdict, "postings to %s wait for a moderator", facts->list->posting);
}

bool
moderation_hold_content(const struct facts *facts, struct verdict *verdict, const char *format, ...)
{
  if (facts->list->settings.conceal_members)
    return hold_without_reason(facts, verdict);
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *reason = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  return verdict_hold(verdict, "%s", reason);
}

static bool
moderation_hold(const struct facts *facts, enum moderated who, struct verdict *verdict)
{
  if (who == MODERATED_STRANGER && !facts->list->settings.conceal_members)
    return verdict_hold(verdict, "you are not a member of %s", facts->list->posting);
  return hold_without_reason(facts, verdict);
}

bool
moderation_apply(const struct facts *facts, enum moderation action, enum moderated who, struct verdict *verdict)
{
  switch (action) {
  case MODERATION_DEFER:
    return false;
  case MODERATION_ACCEPT:
    return verdict_accept(verdict);
  case MODERATION_DISCARD:
    return verdict_discard(verdict, "%s discards postings of this author", facts->list->posting);
  case MODERATION_REJECT:
    if (!facts->list->settings.conceal_members)
      return moderation_refuse(facts, who, verdict);
    return moderation_hold(facts, who, verdict);
  case MODERATION_HOLD:
    return moderation_hold(facts, who, verdict);
  }
  return moderation_hold(facts, who, verdict); /* a value from a newer program */
}
