#pragma once
/* What `listward status` says of the running server. */
#include "base/budget.h"
#include "list/list_index.h"
#include "server/courier_host.h"
#include "server/helper.h"
#include "server/listeners.h"
#include "server/sandbox.h"
#include "store/store.h"

/* Whom it is asked of; all borrowed. */
struct status_sources {
  int64_t started; /* monotonic */
  const struct budget *budget;
  struct store *store;
  struct listeners *listeners;
  struct list_index *index;
  struct courier_host *courier;
  const struct helper *helper; /* NULL: there is none */
  const struct sandbox *sandbox;
};

/* Appends lines "NAME VALUE" with CRLF; a hop's value is a JSON object. Any thread. */
void status_write(const struct status_sources *sources, GString *out);
/* What stands around this process, in words; owned by the caller. Of the sources only helper and sandbox are looked at. */
char *status_confinement(const struct status_sources *sources);
/* Deliveries, messages and jobs that are set aside; -1: the database does not say. Any thread. */
int64_t status_set_aside(struct store *store);
