#pragma once
/* Counters since start, for `listward status` and a metrics page. Any thread; never reset. */
#include <stdint.h>

/* X(name, label, what it counts) */
#define COUNTER_TABLE(X)                                                          \
  X(COUNTER_SESSIONS, "sessions", "sessions begun, of all services")                          \
  X(COUNTER_SESSIONS_REFUSED, "sessions_refused", "sessions turned away with 421") \
  X(COUNTER_SESSIONS_NOT_ALLOWED, "sessions_not_allowed", "sessions turned away: allow does not name their address") \
  X(COUNTER_ACCEPTED, "accepted", "postings accepted")                            \
  X(COUNTER_HELD, "held", "postings held")                                        \
  X(COUNTER_REFUSED, "refused", "postings refused after the dot")                 \
  X(COUNTER_DISCARDED, "discarded", "postings discarded")                         \
  X(COUNTER_REPEATED, "repeated", "postings sent again by an MTA that missed the 250") \
  X(COUNTER_TAKEN, "taken", "messages taken for role addresses")                  \
  X(COUNTER_FRONT, "front", "verdicts given in front of the MTA's queue")           \
  X(COUNTER_UNKNOWN_RECIPIENT, "unknown_recipient", "recipients refused: no such list") \
  X(COUNTER_TROUBLE, "trouble", "temporary failures answered to MTAs")            \
  X(COUNTER_STRAY_LINE_ENDS, "stray_line_ends", "messages in which stray CR or LF were replaced") \
  X(COUNTER_SENT, "sent", "recipients handed to an outlet")                       \
  X(COUNTER_DEFERRED, "deferred", "recipients answered 4xx by the outlet")        \
  X(COUNTER_FAILED, "failed", "recipients answered 5xx by the outlet")            \
  X(COUNTER_OUTLET_DOWN, "outlet_down", "failed connections to the outlet")       \
  X(COUNTER_ALARMS, "alarms", "alarms raised: look at the log")

enum counter {
#define COUNTER_ENUM(name, label, doc) name,
  COUNTER_TABLE(COUNTER_ENUM)
#undef COUNTER_ENUM
  COUNTER_COUNT
};

/* Any thread. */
void counter_add(enum counter counter, int64_t n);
/* Any thread. */
int64_t counter_read(enum counter counter);
/* The name in `status`: [a-z_]. Static. */
const char *counter_label(enum counter counter);
/* What it counts, in words. Static. */
const char *counter_doc(enum counter counter);
