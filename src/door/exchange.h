#pragma once
/* What is alike in the protocols of questions and answers (socketmap, policy, readsocket, milter): a connection, the wait for the next octets with its
 * deadline, being seen idle and being told to end by other threads. Everything but `shared` belongs to the session's thread. */
#include "door/service.h"
#include <pthread.h>

struct exchange {
  struct stream *stream;
  const struct service *service;
  struct door_peer peer; /* strings owned */
  struct {
    pthread_mutex_t lock;
    bool waits, at_work; /* at_work: in the middle of a question, or of a message */
    int64_t since;       /* monotonic */
    bool end;
  } shared;
};

/* `stream` is taken over, `peer` copied. */
void exchange_init(struct exchange *exchange, const struct service *service, struct stream *stream, const struct door_peer *peer);
void exchange_clear(struct exchange *exchange);
/* Flushes what has been written, and waits for more octets, until options->command_timeout is over (data_timeout, if `at_work`; a fifteenth when sessions run
 * short). RES_OK: stream_input() has more than before. RES_TEMP: the peer went away, was too slow, or the session was told to end (only when not `at_work`): it is over. */
enum res exchange_wait(struct exchange *exchange, bool at_work, GError **error) MUST_CHECK;
/* For service_ops; `exchange` is the first field of each session. */
bool exchange_idle(void *session, int64_t *since);
bool exchange_overdue(void *session, int64_t now, int64_t *since);
void exchange_end(void *session, enum reply reply);
void exchange_turn_away(enum reply reply, GString *out); /* says nothing */
