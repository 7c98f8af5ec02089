#pragma once
/* What the moderation rules share: from an action to a verdict. */
#include "verdict/rule.h"

/* "hold", "reject", "discard", "accept", "defer". */
const char *moderation_name(int64_t action);
/* Refuses this author, whoever is behind him; returns true. */
bool moderation_refuse_author(const struct facts *facts, struct verdict *verdict);

/* Who an action is about. */
enum moderated {
  MODERATED_RECORD,   /* the author's own member or non-member record says so */
  MODERATED_MEMBER,   /* the list's default for members */
  MODERATED_STRANGER, /* the list's default for non-members */
};
/* Returns true with a verdict; false for `defer`: later rules decide. On a list that conceals its members a refusal becomes a hold, and all
 * holds have the same reason. */
bool moderation_apply(const struct facts *facts, enum moderation action, enum moderated who, struct verdict *verdict);
