#pragma once
/* The hooks of SMTP sessions: those of server/posting_door.h, and for recipients that are no lists the next hop ([smtp] next_hop), command by command while the client is
 * on the line. A next hop that has the message and a message that is stored go together: it is judged, the next hop takes it, then it is stored. Who is not in [smtp]
 * next_hop_clients reaches lists alone. */
#include "door/door.h"
#include "server/live_config.h"

/* Filled in once, before listeners start. */
struct relay_door {
  const struct door_hooks *inner; /* who knows the lists: takes the message (POSTING_DOOR_FRONT) */
  /* The message of a transaction of theirs, all of it; borrowed. */
  struct slice (*octets_of)(const struct door_transaction *transaction);
  struct live_config *live;
};

/* Hooks over `door`, which must outlive them. */
struct door_hooks relay_door_hooks(struct relay_door *door);
/* [smtp] next_hop and next_hop_clients. RES_BAD: one is not understood; the error names it. */
enum res relay_door_check(const struct config *config, GError **error) MUST_CHECK;
