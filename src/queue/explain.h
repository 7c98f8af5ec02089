#pragma once
/* What would be answered to a message, and why: judged as at a door, without the repeat check, nothing stored. */
#include "queue/intake.h"

struct explain_input {
  const struct list *list;
  struct slice octets; /* CRLF line ends, as a door gives them */
  const char *reverse_path;
  enum door_kind door;
  enum proof proof; /* assumed */
  enum unproven_policy unproven;
};
struct explanation {
  struct trace *trace;
  struct verdict judged; /* by the rules alone */
  struct verdict done;   /* at that door */
  enum reply reply;      /* its {reason} and {detail}: done.reason; its {id}: a word that stands for one */
};
void explanation_free(struct explanation *explanation);
OWN_DEFINE(explanation, explanation_free)

/* RES_TEMP: the database. Any thread, outside a store_fn. */
enum res explain_message(struct store *store, const struct explain_input *input, struct explanation **explanation, GError **error) MUST_CHECK;
