#pragma once
/* What is alike in the protocols of questions and answers (socketmap, policy, readsocket, milter): a connection, the wait for the next octets with its
 * deadlines, being seen idle or overdue and being told to end by other threads. Everything but `shared` belongs to the session's thread.
 *
 *   while (exchange_request(exchange, cut, &n, &error) == RES_OK) {
 *     … exchange_say(exchange, answer) … stream_consume(exchange->stream, n);
 *   }
 *   exchange_finish(exchange, false);
 *
 * Answers are only gathered: they leave when the session waits, so those to a pipelined group leave in one write. */
#include "door/pace.h"
#include "door/service.h"
#include <pthread.h>

/* What a session is in the middle of while it waits. */
enum exchange_phase {
  EXCHANGE_IDLE,    /* nothing, or half a request: it may be sent away for a newcomer, as it can ask again */
  EXCHANGE_OPEN,    /* a transaction, between two of its commands (milter): the peer itself may be waiting for somebody slow, for two hours; after twice
                      * options->command_timeout it may be sent away for a newcomer, too */
  EXCHANGE_PART,    /* the same, between two parts of a message: a stop waits for it */
  EXCHANGE_MESSAGE, /* a message on its way: the minimum rate is kept, and a stop waits for it */
};

struct exchange {
  struct stream *stream;
  const struct service *service;
  struct door_peer peer; /* strings owned */
  struct pace pace;      /* of the message */
  int64_t since;         /* monotonic: of the first wait after exchange_next(); 0: there was none yet */
  int64_t message_since; /* the same, of the first wait for a message */
  bool unheard;          /* an answer could not be written */
  struct {
    pthread_mutex_t lock;
    bool waits;
    enum exchange_phase phase;
    int64_t since;   /* of this wait */
    int64_t overdue; /* from then on the peer is slower than the minimum rate, or has left a transaction open for long; INT64_MAX: never */
    enum reply end;  /* REPLY_COUNT: not told to end */
  } shared;
};

/* `stream` is taken over, `peer` copied; `service` must outlive it. */
void exchange_init(struct exchange *exchange, const struct service *service, struct stream *stream, const struct door_peer *peer);
/* Closes the connection. */
void exchange_clear(struct exchange *exchange);
/* For service_ops of sessions that are nothing but an exchange. */
void *exchange_new(const struct service *service, struct stream *stream, const struct door_peer *peer);
void exchange_free(void *session);
/* Before each request, and each message: its deadlines begin with the first wait from now on, however little every wait brings. */
void exchange_next(struct exchange *exchange);
/* Lets what was said leave, and waits for more octets: for the next request or command twice options->command_timeout (MTAs keep a connection for five minutes, and
 * end it themselves; a twentieth of command_timeout when sessions run short), in a message data_timeout, message_timeout in all, and no less than minimum_rate.
 * RES_OK: stream_pending() holds more than before; what was borrowed from it is not valid any more. RES_MORE: the peer closed its side; `error` is left alone.
 * RES_BAD: STREAM_INPUT_MAX octets are pending. RES_TEMP: the connection is lost (REPLY_TROUBLE), was too slow (REPLY_TIMEOUT), or the session was told to end or the server stops
 * (the reply that LMTP would give: REPLY_SHUTDOWN, REPLY_BUSY): last words can still be said. After all but RES_OK the session is to end. */
enum res exchange_wait(struct exchange *exchange, enum exchange_phase phase, GError **error) MUST_CHECK;
/* The next request, waited for in EXCHANGE_IDLE. `cut` says where the first one in `input` ends: RES_OK: after `*n` octets; RES_MORE: it is not whole; RES_BAD: it is none, or too long,
 * and nobody knows where the next one begins. RES_OK: the first `*n` octets of stream_pending(), for the caller to consume. Others: as `cut` and exchange_wait(). */
enum res exchange_request(struct exchange *exchange, enum res (*cut)(struct slice input, size_t *n, GError **error), size_t *n, GError **error) MUST_CHECK;
/* Gathers octets. If they cannot be written the next wait fails. */
void exchange_say(struct exchange *exchange, struct slice octets);
/* At the end of a session: lets its last words leave. `linger`: the peer may still be sending, see stream_linger(). */
void exchange_finish(struct exchange *exchange, bool linger);

/* For service_ops; `exchange` is the first field of each session. Any thread. */
bool exchange_idle(void *session, int64_t *since);
bool exchange_overdue(void *session, int64_t now, int64_t *since);
/* As door_session_end(): REPLY_TIMEOUT ends any wait, REPLY_SHUTDOWN any but those inside a message, others only one in EXCHANGE_IDLE. */
void exchange_end(void *session, enum reply reply);
void exchange_turn_away(enum reply reply, GString *out); /* says nothing */
