#pragma once
/* The judgement of a message for one list: facts in, one verdict out. Rules are pure functions, one file each, ordered by one table
 * (verdict/chain.c). */
#include "base/error.h"
#include "base/own.h"
#include "verdict/facts.h"

enum verdict_action { VERDICT_ACCEPT, VERDICT_HOLD, VERDICT_REJECT, VERDICT_DISCARD };
/* "accept", "hold", "reject", "discard". */
const char *verdict_action_name(enum verdict_action action);

/* Why a refusal refuses: decides what may be answered over LMTP to an unproven return path (DESIGN 6). */
enum verdict_ground {
  GROUND_NONE,
  GROUND_STRANGER, /* nothing against the author: not a member, or a list on which members do not post */
  GROUND_CONTENT,  /* malformed */
  GROUND_POLICY,   /* somebody decided against this author: ban, reject list, a member's own moderation */
  GROUND_LOOP,
  GROUND_SIZE,
};
/* "", "stranger", "content" … */
const char *verdict_ground_name(enum verdict_ground ground);

struct verdict {
  enum verdict_action action;
  enum verdict_ground ground;
  const char *rule; /* the rule that hit; "" if none. Static. */
  /* One sentence for the author, ASCII but for addresses of ours; "" if accepted. A refusal may have "; " and what the author can do.
   * {reason} and {detail} of the reply. Owned. */
  char *reason;
  enum reply reply; /* what a refusal says: REPLY_REFUSED, REPLY_LOOP, REPLY_TOO_LARGE, REPLY_MALFORMED */
};
/* A verdict that holds nothing is to be { 0 }. */
void verdict_clear(struct verdict *verdict);
/* What is answered: REPLY_ACCEPTED, REPLY_HELD, REPLY_DISCARDED, or the refusal. */
enum reply verdict_reply(const struct verdict *verdict);

/* What each rule said, for `explain`. The first that hit decides. */
struct trace_step {
  const char *rule; /* static */
  bool hit;
  enum verdict_action action; /* what it would have done; only if it hit */
  char *facts;                /* what it looked at, in words */
};
struct trace {
  GPtrArray *steps; /* struct trace_step * */
};
/* Empty; owned by the caller. */
struct trace *trace_new(void);
void trace_free(struct trace *trace);
OWN_DEFINE(trace, trace_free)

/* Runs the posting chain; `verdict` is overwritten. `trace` may be NULL; with it every rule is run and recorded, also those after the one that
 * decides. Pure. Any thread. */
void verdict_judge(const struct facts *facts, struct verdict *verdict, struct trace *trace);

/* Rule names in order; NULL after the last. */
const char *verdict_rule_nth(size_t n);
