#pragma once
/* The courier: takes deliveries from the database to the outlets. A few threads of which one leads: it waits for work, claims a piece, hands
 * leadership on, and only then sends. There is a thread for each connection that any outlet may have, so that none waits for another. An idle
 * courier makes no wake-ups. Any thread may call, but start, stop and free are one thread's. */
#include "base/own.h"
#include "outlet/outlet.h"
#include "courier/retry.h"
#include "store/store.h"

struct courier;

struct courier_options {
  int chunk_size;              /* recipients claimed together, 1 to ROSTER_CHUNK_MAX; 0: that */
  int64_t max_octets;          /* of messages held in memory, but for a single larger one of each outlet; 0: 64 MiB */
  int64_t max_in_flight;       /* octets of one list's copies, size times recipients, from which it gets no further piece, but for those claimed at the same moment;
                                * 0: no limit */
  const char *hostname;        /* ours */
  char *const *personal_domains; /* as typed, NULL after the last (shape_choice.h); NULL: none */
  struct retry_schedule retry; /* zeroes: 5 minutes, doubling to 4 hours, for 5 days */
};

/* Takes over the outlets, 1 to CONFIG_OUTLETS_MAX, the default one first; their `connections` are the threads. Copies what it keeps of the options;
 * the store must outlive it. */
struct courier *courier_new(struct store *store, const struct courier_options *options, struct outlet *const *outlets, size_t n);
/* Must not be running. NULL is allowed. */
void courier_free(struct courier *courier);
OWN_DEFINE(courier, courier_free)

/* Takes back what was in hand when the process died, and begins. RES_TEMP: the database, or no room for threads: nothing runs then. */
enum res courier_start(struct courier *courier, GError **error) MUST_CHECK;
/* There is new work. Cheap; does not wait. */
void courier_wake(struct courier *courier);
/* Ends the pauses of what was not reached, and looks for work: after the operator's `retry`, and after a reload. */
void courier_retry(struct courier *courier);
/* Certificates and passwords may have changed: they are read anew for new connections, and idle ones are closed. */
void courier_refresh(struct courier *courier);
/* From now on nothing new is claimed; what is in flight goes on. Does not wait; courier_stop is still to be called. */
void courier_quiesce(struct courier *courier);
/* Nothing new is claimed. What is in flight is finished and recorded until `deadline` (monotonic microseconds); then connections are
 * broken, and what became of their recipients is recorded as for any broken connection. Returns when all threads have ended; the courier
 * may be started again. */
void courier_stop(struct courier *courier, int64_t deadline);

struct courier_state {
  int in_flight;      /* pieces of work being sent */
  int64_t down_since; /* epoch microseconds: of the outlet that has not been reached for longest by any next hop; 0: all are */
  GArray *hops;       /* struct hop_state: all outlets, the default one first */
};
/* As of now; to be ended with courier_state_clear. */
void courier_state(struct courier *courier, struct courier_state *state);
void courier_state_clear(struct courier_state *state);
