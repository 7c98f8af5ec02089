#include "door/exchange.h"
#include "base/clock.h"
#include "base/log.h"
#include <sys/socket.h>

/* More than the five minutes for which Postfix keeps an idle connection: who is closed first must ask again, and waits for that. */
#define IDLE_FACTOR 2
/* Inside a transaction: the MTA may be waiting for its own client, or for what another filter says. */
#define OPEN_TIMEOUT (2 * CLOCK_HOUR)
/* When sessions run short: 15 s instead of 5 minutes. */
#define SHORT_DIVISOR 20
/* The minimum rate is asked for when so long has been waited for a message. */
#define RATE_GRACE (30 * CLOCK_SECOND)
/* For the last words of a session, and for the peer to read them. */
#define FAREWELL_TIMEOUT (10 * CLOCK_SECOND)
#define LINGER_TIMEOUT (2 * CLOCK_SECOND)

void
exchange_init(struct exchange *exchange, const struct service *service, struct stream *stream, const struct door_peer *peer)
{
  *exchange = (struct exchange){ .stream = stream, .service = service, .shared.end = REPLY_COUNT };
  exchange->peer = (struct door_peer){
    .session = g_strdup(peer->session),
    .listener = g_strdup(peer->listener),
    .address = g_strdup(peer->address),
    .unix_socket = peer->unix_socket,
    .lhlo = g_strdup(peer->lhlo),
  };
  pthread_mutex_init(&exchange->shared.lock, NULL);
}

void
exchange_clear(struct exchange *exchange)
{
  stream_free(exchange->stream);
  g_free((char *)exchange->peer.session);
  g_free((char *)exchange->peer.listener);
  g_free((char *)exchange->peer.address);
  g_free(exchange->peer.lhlo);
  pthread_mutex_destroy(&exchange->shared.lock);
}

void *
exchange_new(const struct service *service, struct stream *stream, const struct door_peer *peer)
{
  struct exchange *exchange = g_new(struct exchange, 1);
  exchange_init(exchange, service, stream, peer);
  return exchange;
}

void
exchange_free(void *session)
{
  if (session == NULL)
    return;
  exchange_clear(session);
  g_free(session);
}

/* ---- waiting ---- */

void
exchange_next(struct exchange *exchange)
{
  exchange->since = exchange->message_since = 0;
  exchange->pace = (struct pace){ 0 };
}

/* When a wait for a message that begins at `now` makes the peer too slow. */
static int64_t
overdue_at(const struct exchange *exchange, int64_t now)
{
  const struct door_options *options = exchange->service->options;
  return pace_deadline(&exchange->pace, now, options->minimum_rate, MIN(RATE_GRACE, options->data_timeout));
}

/* When a wait that begins at `now` has lasted so long that whoever needs the place may have it. In a transaction that is when an MTA's own client would have been given up. */
static int64_t
place_due(const struct exchange *exchange, enum exchange_phase phase, int64_t now)
{
  switch (phase) {
  case EXCHANGE_IDLE: return INT64_MAX;
  case EXCHANGE_MESSAGE: return overdue_at(exchange, now);
  default: return exchange->since + exchange->service->options->command_timeout * IDLE_FACTOR;
  }
}

static int64_t
deadline(struct exchange *exchange, enum exchange_phase phase, int64_t now)
{
  const struct door_options *options = exchange->service->options;
  if (phase == EXCHANGE_OPEN || phase == EXCHANGE_PART)
    return exchange->since + OPEN_TIMEOUT;
  if (phase == EXCHANGE_IDLE)
    return exchange->since + (atomic_load(&options->short_of_sessions) ? options->command_timeout / SHORT_DIVISOR : options->command_timeout * IDLE_FACTOR);
  if (exchange->message_since == 0)
    exchange->message_since = now;
  return MIN(MIN(now + options->data_timeout, exchange->message_since + options->message_timeout), overdue_at(exchange, now));
}

/* Why the wait is to end now, or REPLY_COUNT. Lock held. */
static enum reply
end_due(const struct exchange *exchange)
{
  enum reply end = exchange->shared.end;
  enum exchange_phase phase = exchange->shared.phase;
  if (end == REPLY_TIMEOUT)
    return end;
  if (phase == EXCHANGE_PART || phase == EXCHANGE_MESSAGE)
    return REPLY_COUNT;
  if (atomic_load(&exchange->service->options->stopping))
    return REPLY_SHUTDOWN;
  return end == REPLY_SHUTDOWN || phase == EXCHANGE_IDLE ? end : REPLY_COUNT;
}

static enum reply
wait_begin(struct exchange *exchange, enum exchange_phase phase, int64_t now)
{
  if (exchange->since == 0)
    exchange->since = now;
  int64_t overdue = place_due(exchange, phase, now);
  pthread_mutex_lock(&exchange->shared.lock);
  exchange->shared.phase = phase;
  exchange->shared.since = now;
  exchange->shared.overdue = overdue;
  enum reply end = end_due(exchange);
  exchange->shared.waits = end == REPLY_COUNT;
  pthread_mutex_unlock(&exchange->shared.lock);
  return end;
}

static enum reply
wait_end(struct exchange *exchange)
{
  pthread_mutex_lock(&exchange->shared.lock);
  enum reply end = end_due(exchange);
  exchange->shared.waits = false;
  pthread_mutex_unlock(&exchange->shared.lock);
  return end;
}

static enum res
told_to_end(enum reply reply, GError **error)
{
  return trouble(error, reply, "%s", reply == REPLY_SHUTDOWN ? "the server is stopping" : reply == REPLY_TIMEOUT ? "the peer was too slow" : "the place is needed");
}

enum res
exchange_wait(struct exchange *exchange, enum exchange_phase phase, GError **error)
{
  if (exchange->unheard)
    return trouble(error, REPLY_TROUBLE, "the peer does not take its answers");
  int64_t before = clock_monotonic();
  enum reply end = wait_begin(exchange, phase, before);
  stream_deadline(exchange->stream, end == REPLY_COUNT ? deadline(exchange, phase, before) : before + FAREWELL_TIMEOUT);
  if (end != REPLY_COUNT)
    return told_to_end(end, error);
  size_t pending = stream_pending(exchange->stream).n;
  enum res res = stream_fill(exchange->stream, error);
  int64_t now = clock_monotonic();
  end = wait_end(exchange);
  if (phase == EXCHANGE_MESSAGE) {
    exchange->pace.waited += now - before;
    exchange->pace.octets += (int64_t)(stream_pending(exchange->stream).n - pending);
  }
  stream_deadline(exchange->stream, now + exchange->service->options->data_timeout); /* of what is said next: our own work is not the peer's */
  return res == RES_MORE && end != REPLY_COUNT ? told_to_end(end, error) : res;
}

enum res
exchange_request(struct exchange *exchange, enum res (*cut)(struct slice input, size_t *n, GError **error), size_t *n, GError **error)
{
  exchange_next(exchange);
  enum res res;
  while ((res = cut(stream_pending(exchange->stream), n, error)) == RES_MORE) {
    res = exchange_wait(exchange, EXCHANGE_IDLE, error);
    if (res != RES_OK)
      break;
  }
  return res;
}

/* ---- saying ---- */

void
exchange_say(struct exchange *exchange, struct slice octets)
{
  g_autoptr(GError) error = NULL;
  if (exchange->unheard || stream_write(exchange->stream, octets, &error) == RES_OK)
    return;
  exchange->unheard = true;
  log_debug("answer not written", log_err(error));
}

void
exchange_finish(struct exchange *exchange, bool linger)
{
  stream_deadline(exchange->stream, clock_monotonic() + FAREWELL_TIMEOUT);
  g_autoptr(GError) error = NULL;
  if (stream_flush(exchange->stream, &error) != RES_OK)
    log_debug("last answer not written", log_err(error));
  else if (linger)
    stream_linger(exchange->stream, clock_monotonic() + LINGER_TIMEOUT);
}

/* ---- from other threads ---- */

bool
exchange_idle(void *session, int64_t *since)
{
  struct exchange *exchange = session;
  pthread_mutex_lock(&exchange->shared.lock);
  bool idle = exchange->shared.waits && exchange->shared.phase == EXCHANGE_IDLE;
  *since = exchange->shared.since;
  pthread_mutex_unlock(&exchange->shared.lock);
  return idle;
}

bool
exchange_overdue(void *session, int64_t now, int64_t *since)
{
  struct exchange *exchange = session;
  pthread_mutex_lock(&exchange->shared.lock);
  bool overdue = exchange->shared.waits && exchange->shared.overdue <= now;
  *since = exchange->shared.overdue;
  pthread_mutex_unlock(&exchange->shared.lock);
  return overdue;
}

/* A read that waits returns as if the peer had closed; the way out stays open. */
void
exchange_end(void *session, enum reply reply)
{
  struct exchange *exchange = session;
  pthread_mutex_lock(&exchange->shared.lock);
  exchange->shared.end = reply;
  int fd = stream_fd(exchange->stream);
  if (exchange->shared.waits && end_due(exchange) != REPLY_COUNT && fd >= 0)
    (void)shutdown(fd, SHUT_RD);
  pthread_mutex_unlock(&exchange->shared.lock);
}

void
exchange_turn_away(enum reply reply, GString *out)
{
  (void)reply;
  (void)out;
}
