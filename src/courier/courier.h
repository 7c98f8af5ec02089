#pragma once
/* The courier: takes deliveries from the database to the outlet. A few threads of which one leads: it waits for work, claims a piece, hands
 * leadership on, and only then sends. An idle courier makes no wake-ups. Any thread may call, but start, stop and free are one thread's. */
#include "base/own.h"
#include "courier/outlet.h"
#include "courier/retry.h"
#include "store/store.h"

struct courier;

struct courier_options {
  int connections;             /* threads, and connections to the outlet at most */
  int chunk_size;              /* recipients claimed together, 1 to ROSTER_CHUNK_MAX; 0: that */
  int64_t max_octets;          /* of messages held in memory, but for a single larger one; 0: 64 MiB */
  const char *hostname;        /* ours */
  char *const *personal_domains; /* as typed, NULL after the last (shape_choice.h); NULL: none */
  struct retry_schedule retry; /* zeroes: 5 minutes, doubling to 4 hours, for 5 days */
};

/* Takes over `outlet`. Copies what it keeps of the options; the store must outlive it. */
struct courier *courier_new(struct store *store, const struct courier_options *options, struct outlet *outlet);
/* Must not be running. NULL is allowed. */
void courier_free(struct courier *courier);
OWN_DEFINE(courier, courier_free)

/* Takes back what was in hand when the process died, and begins. RES_TEMP: the database, or no room for threads: nothing runs then. */
enum res courier_start(struct courier *courier, GError **error) MUST_CHECK;
/* There is new work. Cheap; does not wait. */
void courier_wake(struct courier *courier);
/* Ends the pause after the outlet was not reached, and looks for work: after the operator's `retry`, and after a reload. */
void courier_retry(struct courier *courier);
/* From now on nothing new is claimed; what is in flight goes on. Does not wait; courier_stop is still to be called. */
void courier_quiesce(struct courier *courier);
/* Nothing new is claimed. What is in flight is finished and recorded until `deadline` (monotonic microseconds); then connections are
 * broken, and what became of their recipients is recorded as for any broken connection. Returns when all threads have ended; the courier
 * may be started again. */
void courier_stop(struct courier *courier, int64_t deadline);

struct courier_state {
  int in_flight;      /* pieces of work being sent */
  int64_t down_since; /* epoch microseconds; 0: the outlet was reached when last tried */
  int64_t next_try;   /* epoch microseconds, if down */
  char error[256];    /* why it is down */
};
/* As of now. */
void courier_state(struct courier *courier, struct courier_state *state);
