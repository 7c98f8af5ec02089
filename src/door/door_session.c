#include "base/clock.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "door/service.h"
#include "door/session.h"
#include "door/xforward.h"
#include "net/line_reader.h"
#include <sys/socket.h>

/* Commands that are none, one after the other, before the session is ended. */
#define ERRORS_MAX 20
/* When sessions run short the command deadline is so much shorter: 15 s instead of 5 minutes. */
#define SHORT_DIVISOR 20
/* The minimum rate is asked for when so long has been waited for a message. */
#define RATE_GRACE (30 * CLOCK_SECOND)
/* For the last words of a session, and for the peer to read them. */
#define FAREWELL_TIMEOUT (10 * CLOCK_SECOND)
#define LINGER_TIMEOUT (2 * CLOCK_SECOND)

const struct protocol protocols[PROTOCOLS] = {
  [PROTOCOL_LMTP] = { .greeting = REPLY_GREETING, .hello_first = "LHLO comes first" },
  [PROTOCOL_SMTP] = { .greeting = REPLY_SMTP_GREETING, .hello_first = "EHLO or HELO comes first", .one_reply = true },
};

struct door_session *
door_session_new(enum door_protocol protocol, struct stream *stream, const struct door_hooks *hooks, struct door_options *options, const struct door_peer *peer)
{
  struct door_session *session = g_new0(struct door_session, 1);
  session->protocol = protocol;
  session->stream = stream;
  session->literal = g_string_new(NULL);
  session->hooks = hooks;
  session->options = options;
  session->peer = (struct door_peer){
    .session = g_strdup(peer->session),
    .listener = g_strdup(peer->listener),
    .address = g_strdup(peer->address),
    .unix_socket = peer->unix_socket,
  };
  session->shared.end = REPLY_COUNT;
  pthread_mutex_init(&session->shared.lock, NULL);
  return session;
}

void
door_session_free(struct door_session *session)
{
  if (session == NULL)
    return;
  session_reset(session);
  stream_free(session->stream);
  g_string_free(session->literal, TRUE);
  g_free((char *)session->peer.session);
  g_free((char *)session->peer.listener);
  g_free((char *)session->peer.address);
  g_free(session->peer.lhlo);
  pthread_mutex_destroy(&session->shared.lock);
  g_free(session);
}

void
session_reset(struct door_session *session)
{
  if (session->in_transaction)
    session->hooks->reset(session->hooks->ctx, &session->transaction);
  session->in_transaction = false;
  transfer_end(session);
  g_clear_pointer(&session->transaction.recipients, g_ptr_array_unref);
  g_clear_pointer(&session->transaction.reverse_path, g_free);
  g_clear_pointer(&session->mail, g_free);
  g_clear_pointer(&session->transaction.envid, g_free);
  session->transaction = (struct door_transaction){ 0 };
  xforward_clear(&session->xforward);
}

/* ---- replies ---- */

void
session_write(struct door_session *session, struct slice octets)
{
  g_autoptr(GError) error = NULL;
  if (stream_write(session->stream, octets, &error) != RES_OK)
    session->over = true;
}

static void
say(struct door_session *session, enum reply reply, const struct reply_words *words, char separator)
{
  g_autoptr(GString) line = g_string_sized_new(REPLY_LINE_MAX);
  reply_render(reply, words, line);
  line->str[3] = separator;
  session_write(session, (struct slice){ line->str, line->len });
}

void
session_say(struct door_session *session, enum reply reply, const char *detail)
{
  say(session, reply, &(struct reply_words){ .detail = detail }, ' ');
}

bool
session_say_literal(struct door_session *session)
{
  if (session->literal->len == 0)
    return false;
  session_write(session, (struct slice){ session->literal->str, session->literal->len });
  g_string_truncate(session->literal, 0);
  return true;
}

void
session_say_error(struct door_session *session, const GError *error)
{
  if (session_say_literal(session))
    return;
  const char *message = error && error->domain == LISTWARD_ERROR ? error->message : NULL;
  say(session, error_reply(error, REPLY_TROUBLE), &(struct reply_words){ .reason = message, .detail = message }, ' ');
}

void
session_say_lines(struct door_session *session, enum reply reply, const char *const *details, size_t n)
{
  for (size_t i = 0; i < n; i++)
    say(session, reply, &(struct reply_words){ .detail = details[i] }, i + 1 < n ? '-' : ' ');
}

/* The last reply of the session. */
static void
say_last(struct door_session *session, enum reply reply)
{
  stream_deadline(session->stream, clock_monotonic() + FAREWELL_TIMEOUT);
  session_say(session, reply, NULL);
  session->over = session->linger = true;
}

/* ---- ending from outside ---- */

/* The 421 that is due in this wait, or REPLY_COUNT. Lock held. */
static enum reply
end_due(const struct door_session *session)
{
  enum reply end = session->shared.end;
  if (end == REPLY_TIMEOUT)
    return end;
  if (session->shared.waits == WAIT_OCTETS && session->shared.in_transaction)
    return REPLY_COUNT;
  if (atomic_load(&session->options->stopping))
    return REPLY_SHUTDOWN;
  return end == REPLY_SHUTDOWN || !session->shared.in_transaction ? end : REPLY_COUNT;
}

int64_t
session_overdue_at(const struct door_session *session, int64_t now)
{
  const struct door_options *options = session->options;
  return session->in_transaction ? pace_deadline(&session->pace, now, options->minimum_rate, MIN(RATE_GRACE, options->data_timeout)) : INT64_MAX;
}

enum reply
session_wait_begin(struct door_session *session, enum session_wait what, int64_t now)
{
  session->waits_since = now;
  int64_t overdue = session_overdue_at(session, now);
  pthread_mutex_lock(&session->shared.lock);
  session->shared.in_transaction = session->in_transaction;
  session->shared.waits = what;
  session->shared.since = now;
  session->shared.overdue = overdue;
  enum reply end = end_due(session);
  if (end != REPLY_COUNT)
    session->shared.waits = WAIT_NONE;
  pthread_mutex_unlock(&session->shared.lock);
  return end;
}

enum reply
session_wait_end(struct door_session *session)
{
  session->pace.waited += clock_monotonic() - session->waits_since;
  pthread_mutex_lock(&session->shared.lock);
  enum reply end = end_due(session);
  session->shared.waits = WAIT_NONE;
  pthread_mutex_unlock(&session->shared.lock);
  return end;
}

bool
door_session_idle(struct door_session *session, int64_t *since)
{
  pthread_mutex_lock(&session->shared.lock);
  bool idle = session->shared.waits != WAIT_NONE && !session->shared.in_transaction;
  *since = session->shared.since;
  pthread_mutex_unlock(&session->shared.lock);
  return idle;
}

bool
door_session_overdue(struct door_session *session, int64_t now, int64_t *since)
{
  pthread_mutex_lock(&session->shared.lock);
  bool overdue = session->shared.waits != WAIT_NONE && session->shared.overdue <= now;
  *since = session->shared.overdue;
  pthread_mutex_unlock(&session->shared.lock);
  return overdue;
}

/* A read that waits returns as if the peer had closed; the way out stays open for the 421. */
void
door_session_end(struct door_session *session, enum reply reply)
{
  pthread_mutex_lock(&session->shared.lock);
  session->shared.end = reply;
  int fd = stream_fd(session->stream);
  if (session->shared.waits != WAIT_NONE && end_due(session) != REPLY_COUNT && fd >= 0)
    (void)shutdown(fd, SHUT_RD);
  pthread_mutex_unlock(&session->shared.lock);
}

/* ---- the loop ---- */

static bool
is_error_of_client(enum reply reply)
{
  return reply == REPLY_SYNTAX || reply == REPLY_UNKNOWN_COMMAND || reply == REPLY_LINE_TOO_LONG;
}

/* Answers a command that failed. Commands out of order are not counted: a client that pipelines past a refusal sends many. */
static void
command_failed(struct door_session *session, const GError *error)
{
  enum reply reply = error_reply(error, REPLY_TROUBLE);
  log_debug("command refused", log_int("code", reply_code(reply)), log_err(error));
  if (is_error_of_client(reply) && ++session->errors >= ERRORS_MAX) {
    log_note("too many errors", log_err(error));
    say_last(session, REPLY_ERRORS);
  } else
    session_say_error(session, error);
}

/* No line came. `end`: the 421 that the session was woken for. */
static void
no_line(struct door_session *session, enum res res, enum reply end, const GError *error)
{
  enum reply reply = error_reply(error, REPLY_TROUBLE);
  if (end != REPLY_COUNT && res == RES_MORE)
    say_last(session, end);
  else if (res == RES_BAD && reply == REPLY_LINE_TOO_LONG)
    command_failed(session, error);
  else if (res == RES_BAD || (res == RES_TEMP && reply == REPLY_TIMEOUT)) {
    log_note("session ended", log_err(error));
    say_last(session, reply);
  } else
    session->over = true;
}

/* Between two chunks of a message its own deadlines hold too. */
int64_t
session_command_deadline(const struct door_session *session, int64_t now)
{
  const struct door_options *options = session->options;
  int64_t at = now + options->command_timeout / (atomic_load(&options->short_of_sessions) ? SHORT_DIVISOR : 1);
  return session->transfer.open ? MIN(at, MIN(session->transfer.deadline, session_overdue_at(session, now))) : at;
}

static void
serve_command(struct door_session *session)
{
  int64_t now = clock_monotonic();
  enum reply end = session_wait_begin(session, WAIT_COMMAND, now);
  stream_deadline(session->stream, session_command_deadline(session, now));
  if (end != REPLY_COUNT) {
    say_last(session, end);
    return;
  }
  g_autoptr(GError) error = NULL;
  struct slice line;
  enum res res = line_reader_next(session->stream, &line, &error);
  end = session_wait_end(session);
  session->pace.octets += res == RES_OK ? (int64_t)line.n + 2 : 0;
  CRASH_POINT_IF(res == RES_OK, "command-read"); /* what was answered before has reached the peer */
  if (res != RES_OK)
    no_line(session, res, end, error);
  else if (lmtp_dialogue_command(session, line, &error) == RES_OK)
    session->errors = 0;
  else
    command_failed(session, error);
}

/* RFC 5321 3.1, 4.2. Never a 5xx as a greeting: some clients bounce what they have. */
static void
greet(struct door_session *session)
{
  enum reply end = session_wait_begin(session, WAIT_NONE, clock_monotonic());
  if (end != REPLY_COUNT)
    say_last(session, end);
  else
    session_say(session, protocols[session->protocol].greeting, session->options->hostname);
}

void
door_session_run(struct door_session *session)
{
  greet(session);
  while (!session->over)
    serve_command(session);
  session_reset(session);
  stream_deadline(session->stream, clock_monotonic() + FAREWELL_TIMEOUT);
  g_autoptr(GError) error = NULL;
  if (stream_flush(session->stream, &error) != RES_OK)
    log_debug("last reply not written", log_err(error));
  else if (session->linger)
    stream_linger(session->stream, clock_monotonic() + LINGER_TIMEOUT);
}

/* ---- as a service ---- */

static void *
lmtp_session_new(const struct service *service, struct stream *stream, const struct door_peer *peer)
{
  return door_session_new(PROTOCOL_LMTP, stream, service->hooks, service->options, peer);
}

static void *
smtp_session_new(const struct service *service, struct stream *stream, const struct door_peer *peer)
{
  return door_session_new(PROTOCOL_SMTP, stream, service->hooks, service->options, peer);
}

static void
service_session_run(void *session)
{
  door_session_run(session);
}

static void
service_session_free(void *session)
{
  door_session_free(session);
}

static bool
service_session_idle(void *session, int64_t *since)
{
  return door_session_idle(session, since);
}

static bool
service_session_overdue(void *session, int64_t now, int64_t *since)
{
  return door_session_overdue(session, now, since);
}

static void
service_session_end(void *session, enum reply reply)
{
  door_session_end(session, reply);
}

static void
service_turn_away(enum reply reply, GString *out)
{
  reply_render(reply, NULL, out);
}

#define SESSION_OPS(text, make)                                                                                               \
  {                                                                                                                           \
    .name = text, .session_new = make, .session_run = service_session_run, .session_free = service_session_free,              \
    .session_idle = service_session_idle, .session_overdue = service_session_overdue, .session_end = service_session_end,     \
    .turn_away = service_turn_away,                                                                                           \
  }

const struct service_ops lmtp_service = SESSION_OPS("lmtp", lmtp_session_new);
const struct service_ops smtp_service = SESSION_OPS("smtp", smtp_session_new);
