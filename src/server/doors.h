#pragma once
/* The services that the server offers, and whom they reach: each service's protocol, hooks and options. */
#include "door/service.h"
#include "server/posting_door.h"
#include "server/relay_door.h"

struct doors {
  struct posting_door posting;
  struct relay_door relay;
  struct door_hooks delivery, front, judge; /* server/posting_door.h */
  struct door_hooks smtp;                   /* server/relay_door.h */
  struct door_options options;
  struct service services[CONFIG_SERVICES];
};

/* Before anything is bound: `services` can be listened for; `hostname` is borrowed. */
void doors_init(struct doors *doors, const char *hostname);
/* Before sessions begin: `needs` is copied, all that it names is borrowed. */
void doors_connect(struct doors *doors, const struct posting_door *needs);
/* What of a configuration holds at once: limits, times, where Postfix is told to deliver. Any thread may be serving sessions. */
void doors_apply(struct doors *doors, const struct config *config);
/* When no session runs any more. */
void doors_clear(struct doors *doors);
