#pragma once
/* An outlet and what the courier has in hand for it. */
#include "courier/courier.h"
#include "courier/work.h"

struct lane {
  struct outlet *outlet;   /* owned */
  struct work_tools tools; /* with messages of its own: what one outlet holds in memory keeps nothing from the others */
  int in_flight;           /* pieces of work, one that is being claimed included; under the courier's lock */
};

/* Fills in `lane`, one of `n` that share the options' memory. `hostname` and `personal_domains` must outlive it; `outlet` is taken over. */
void lane_init(struct lane *lane, struct outlet *outlet, struct store *store, const struct courier_options *options, size_t n, const char *hostname,
               char **personal_domains);
void lane_clear(struct lane *lane);

/* How many more pieces the outlet can take now, and when to ask again (monotonic). Under the courier's lock. */
int lane_room(const struct lane *lane, int64_t *again);

/* Of `n` lanes together; any thread. Messages that nobody holds go. */
void lanes_forget_messages(struct lane *lanes, size_t n);
/* Connections that have been idle for long are closed. Gives when the next one will have been (monotonic). */
int64_t lanes_expire(struct lane *lanes, size_t n);
/* Cuts what is on its way, or allows it again. */
void lanes_cut(struct lane *lanes, size_t n, bool cut);
/* Adds their next hops. Gives since when an outlet has had none that is reached, the earliest of them; 0: each has one. */
int64_t lanes_state(struct lane *lanes, size_t n, GArray *hops);
