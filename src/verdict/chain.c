#include "verdict/rule.h"

/* The order. What no list may take or must not see again comes first; a refusal by size is for everybody, as it is at RCPT. From emergency
 * on it is the order Mailman's users know: a moderation action of `accept` leaves out what comes after it. */
static const struct rule *const chain[] = {
  &rule_malformed,      &rule_auto_reply,        &rule_loop,         &rule_max_size,             &rule_no_senders,    &rule_emergency,
  &rule_banned_address, &rule_member_moderation, &rule_header_match, &rule_nonmember_moderation, &rule_administrivia, &rule_implicit_dest,
  &rule_max_recipients, &rule_max_size_hold,     &rule_no_subject,   &rule_suspicious_header,
};

static void
trace_add(struct trace *trace, const struct rule *rule, bool hit, enum verdict_action action, GString *seen)
{
  struct trace_step *step = g_new(struct trace_step, 1);
  *step = (struct trace_step){ .rule = rule->name, .hit = hit, .action = action, .facts = g_strdup(seen->str) };
  g_ptr_array_add(trace->steps, step);
}

void
verdict_judge(const struct facts *facts, struct verdict *verdict, struct trace *trace)
{
  bool decided = false;
  for (size_t i = 0; i < G_N_ELEMENTS(chain) && (trace || !decided); i++) {
    struct verdict said = { .rule = "" };
    g_autoptr(GString) seen = trace ? g_string_new(NULL) : NULL;
    bool hit = chain[i]->check(facts, &said, seen);
    said.rule = chain[i]->name;
    if (trace)
      trace_add(trace, chain[i], hit, said.action, seen);
    if (hit && !decided)
      *verdict = said;
    else
      verdict_clear(&said);
    decided |= hit;
  }
  if (decided)
    return;
  verdict_accept(verdict);
  verdict->rule = "";
}

const char *
verdict_rule_nth(size_t n)
{
  return n < G_N_ELEMENTS(chain) ? chain[n]->name : NULL;
}
