#pragma once
/* A message on its way in, through whatever door: decoded, counted, held against the limits, and handed to the hooks block by block. It belongs to the session's thread. */
#include "door/door.h"
#include "net/dot_decoder.h"

struct arrival {
  const struct door_hooks *hooks; /* NULL: there is no message */
  const struct door_options *options;
  struct door_transaction *transaction;
  struct dot_decoder decoder;
  GByteArray *decoded; /* of one block; passed on and emptied */
  int64_t octets;      /* decoded so far */
  GError *failure;     /* the first reason why it cannot be taken: the rest is dropped */
};

/* Before the first octet; all is borrowed. `bdat` as in dot_decoder_init. */
void arrival_init(struct arrival *arrival, const struct door_hooks *hooks, const struct door_options *options, struct door_transaction *transaction, bool bdat);
/* Asks the hook message_begin; what it refuses is a failure. */
void arrival_begin(struct arrival *arrival);
/* Octets from the wire. Returns how many were consumed: all, unless the end was found (`*end`; may be NULL in BDAT mode, where none is looked for). */
size_t arrival_feed(struct arrival *arrival, struct slice octets, bool *end);
/* In BDAT mode, after the last octet: as dot_decoder_finish. */
void arrival_finish(struct arrival *arrival);
/* The message is whole: the hooks answer it, unless it has failed or the server stops, which is a failure then. */
void arrival_end(struct arrival *arrival);
/* Frees what it needed. There is no message any more. */
void arrival_clear(struct arrival *arrival);
