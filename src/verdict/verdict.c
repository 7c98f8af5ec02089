#include "verdict/verdict.h"
#include "verdict/rule.h"

static const char *const actions[] = { [VERDICT_ACCEPT] = "accept", [VERDICT_HOLD] = "hold", [VERDICT_REJECT] = "reject", [VERDICT_DISCARD] = "discard" };

static const char *const grounds[] = {
  [GROUND_NONE] = "",         [GROUND_STRANGER] = "stranger", [GROUND_CONTENT] = "content",
  [GROUND_POLICY] = "policy", [GROUND_LOOP] = "loop",         [GROUND_SIZE] = "size",
};

const char *
verdict_action_name(enum verdict_action action)
{
  g_assert(action < G_N_ELEMENTS(actions));
  return actions[action];
}

const char *
verdict_ground_name(enum verdict_ground ground)
{
  g_assert(ground < G_N_ELEMENTS(grounds));
  return grounds[ground];
}

void
verdict_clear(struct verdict *verdict)
{
  g_free(verdict->reason);
  *verdict = (struct verdict){ .rule = "" };
}

enum reply
verdict_reply(const struct verdict *verdict)
{
  switch (verdict->action) {
  case VERDICT_ACCEPT:
    return REPLY_ACCEPTED;
  case VERDICT_HOLD:
    return REPLY_HELD;
  case VERDICT_DISCARD:
    return REPLY_DISCARDED;
  case VERDICT_REJECT:
    return verdict->reply;
  }
  g_assert_not_reached();
}

bool
verdict_accept(struct verdict *verdict)
{
  *verdict = (struct verdict){ .action = VERDICT_ACCEPT, .reason = g_strdup("") };
  return true;
}

bool
verdict_discard(struct verdict *verdict, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  *verdict = (struct verdict){ .action = VERDICT_DISCARD, .reason = g_strdup_vprintf(format, arguments) };
  va_end(arguments);
  return true;
}

bool
verdict_hold(struct verdict *verdict, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  *verdict = (struct verdict){ .action = VERDICT_HOLD, .reason = g_strdup_vprintf(format, arguments) };
  va_end(arguments);
  return true;
}

bool
verdict_refuse(struct verdict *verdict, enum verdict_ground ground, enum reply reply, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  *verdict = (struct verdict){ .action = VERDICT_REJECT, .ground = ground, .reply = reply, .reason = g_strdup_vprintf(format, arguments) };
  va_end(arguments);
  return true;
}
