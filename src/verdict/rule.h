#pragma once
/* A rule of the chain. Each lies in a file of its own; chain.c orders them. */
#include "verdict/verdict.h"

struct rule {
  const char *name;
  /* True: it hits, and has filled in `verdict` but for its rule. What it looked at is written to `seen`, which may be NULL. Pure. */
  bool (*check)(const struct facts *facts, struct verdict *verdict, GString *seen);
};

extern const struct rule rule_malformed, rule_auto_reply, rule_loop, rule_max_size, rule_no_senders, rule_emergency, rule_banned_address,
  rule_member_moderation, rule_nonmember_moderation, rule_administrivia, rule_header_match, rule_implicit_dest, rule_max_recipients, rule_max_size_hold, rule_no_subject, rule_suspicious_header;

/* Adds to `seen`, if it is not NULL; several statements are separated by "; ". */
void seen_add(GString *seen, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Fill in a verdict; all return true, for a rule's return statement. */
bool verdict_accept(struct verdict *verdict);
bool verdict_discard(struct verdict *verdict, const char *format, ...) G_GNUC_PRINTF(2, 3);
bool verdict_hold(struct verdict *verdict, const char *format, ...) G_GNUC_PRINTF(2, 3);
bool verdict_refuse(struct verdict *verdict, enum verdict_ground ground, enum reply reply, const char *format, ...) G_GNUC_PRINTF(4, 5);
