#include "verdict/moderation.h"

static bool
too_large(const struct facts *facts, GString *seen)
{
  int64_t limit = facts->list->settings.max_message_size, size = (int64_t)facts->content->message.n;
  if (limit == 0) {
    seen_add(seen, "%" G_GINT64_FORMAT " octets, no limit", size);
    return false;
  }
  seen_add(seen, "%" G_GINT64_FORMAT " octets, limit %" G_GINT64_FORMAT " KiB", size, limit);
  return size > limit * 1024;
}

/* Rounded up: a message just over the limit must not seem to be within it. */
static int64_t
kib(const struct facts *facts)
{
  return ((int64_t)facts->content->message.n + 1023) / 1024;
}

static bool
check(const struct facts *facts, struct verdict *verdict, GString *seen)
{
  const struct list *list = facts->list;
  bool large = too_large(facts, seen);
  if (list->settings.max_message_size_action != OVERSIZE_REJECT) {
    seen_add(seen, "the list holds what is too large");
    return false;
  }
  return large && verdict_refuse(verdict, GROUND_SIZE, REPLY_TOO_LARGE, "%s takes up to %" G_GINT64_FORMAT " KiB, this has %" G_GINT64_FORMAT, list->posting,
                                 list->settings.max_message_size, kib(facts));
}

const struct rule rule_max_size = { "max-size", check };

/* After moderation: what a stranger may not post at all is not kept for being large. */
static bool
check_hold(const struct facts *facts, struct verdict *verdict, GString *seen)
{
  const struct list *list = facts->list;
  bool large = too_large(facts, seen);
  if (list->settings.max_message_size_action != OVERSIZE_HOLD) {
    seen_add(seen, "the list refuses what is too large");
    return false;
  }
  return large && moderation_hold_content(facts, verdict, "%s takes up to %" G_GINT64_FORMAT " KiB, this has %" G_GINT64_FORMAT, list->posting,
                               list->settings.max_message_size, kib(facts));
}

const struct rule rule_max_size_hold = { "max-size-hold", check_hold };
