#pragma once
/* What the moderation rules share: from an action to a verdict. */
#include "verdict/rule.h"

/* "hold", "reject", "discard", "accept", "defer". */
const char *moderation_name(int64_t action);
/* Refuses this author, whoever is behind him; returns true. */
bool moderation_refuse_author(const struct facts *facts, struct verdict *verdict);

/* Holds a posting for what it is, whoever wrote it; returns true. Only whom moderation lets through comes so far: on a list that conceals
 * its members the reason is that of all its holds, and the rule tells the moderators. */
bool moderation_hold_content(const struct facts *facts, struct verdict *verdict, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Who an action is about. */
enum moderated {
  MODERATED_RECORD,   /* the author's own member or non-member record says so */
  MODERATED_MEMBER,   /* the list's default for members */
  MODERATED_STRANGER, /* the list's default for non-members */
};
/* Returns true with a verdict; false for `defer`: later rules decide. On a list that conceals its members a refusal becomes a hold, and all
 * holds have the same reason. */
bool moderation_apply(const struct facts *facts, enum moderation action, enum moderated who, struct verdict *verdict);
