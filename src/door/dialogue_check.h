#pragma once
/* For tests and fuzzing: whole dialogues against the stub's lists, cut at every octet. */
#include "door/stub_hooks.h"
#include "net/memory_peer.h"

struct dialogue {
  const char *name;
  const char *input;
  const char *want; /* replies, as dialogue_condense() has them */
  const char *log;  /* what the hooks were told */
  bool stopping;
};

/* A session from greeting to end. What it said is in `peer->output`. */
void dialogue_run(enum door_protocol protocol, struct stub *stub, struct memory_peer *peer);
/* What a session answers to `input`; `writes`: in how many writes, or NULL. Owned by the caller. */
GString *dialogue_output(enum door_protocol protocol, const char *input, int *writes);
/* "250 2.1.0|354|": of each reply its code and its enhanced code; one of several lines is one. Owned by the caller. */
char *dialogue_condense(const GString *output);
/* Each row, the input cut at every octet (where it is not too long), whole, and octet by octet. */
void dialogue_check(enum door_protocol protocol, const struct dialogue *rows, size_t n);
/* For a fuzz target: however the input is cut (by its first octet), replies and what the hooks were told must be the same, and every line said must be a reply. */
void dialogue_fuzz(enum door_protocol protocol, struct slice data);
