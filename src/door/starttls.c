#include "door/starttls.h"
#include "base/clock.h"
#include "base/log.h"

static bool
has_tls(const struct door_session *session)
{
  return stream_tls_text(session->stream) != NULL;
}

bool
starttls_may_be_offered(const struct door_session *session)
{
  return !session->peer.unix_socket && tls_holder_has(session->options->tls) && !has_tls(session);
}

/* What is answered then is temporary: after RFC 3207's 530 an MTA would bounce all that waits, for want of a line in its configuration. */
bool
starttls_is_due(const struct door_session *session)
{
  return tls_holder_asks(session->options->tls) && !session->in_transaction && !stream_tls_verified(session->stream) && !stream_is_local(session->stream);
}

static enum res
check_order(struct door_session *session, GError **error)
{
  if (has_tls(session))
    return refuse(error, REPLY_BAD_SEQUENCE, "STARTTLS inside TLS");
  if (!session->tls_offered)
    return refuse(error, REPLY_UNKNOWN_COMMAND, "\"STARTTLS\"");
  if (session->in_transaction)
    return refuse(error, REPLY_BAD_SEQUENCE, "STARTTLS inside a transaction");
  if (stream_pending(session->stream).n == 0)
    return RES_OK;
  session->over = session->linger = true; /* whoever put it there: the client does not know what was served */
  return refuse(error, REPLY_SYNTAX, "nothing may follow STARTTLS in the clear");
}

/* RFC 3207 4.2: what was said in the clear counts no more. */
static void
begin_anew(struct door_session *session)
{
  session_reset(session);
  g_clear_pointer(&session->peer.lhlo, g_free);
  session->tls_offered = false;
  log_debug("TLS begun", log_str("tls", stream_tls_text(session->stream)));
}

enum res
starttls_begin(struct door_session *session, GError **error)
{
  enum res res = check_order(session, error);
  if (res != RES_OK)
    return res;
  OWN(tls_context) context = tls_holder_get(session->options->tls);
  if (context == NULL)
    return trouble(error, REPLY_NO_TLS, "a reload has taken the certificate away");
  int64_t now = clock_monotonic();
  if (session_wait_begin(session, WAIT_COMMAND, now) != REPLY_COUNT)
    return RES_OK; /* the 421 that is due comes before the next command, and is the answer to this one */
  session_say(session, REPLY_START_TLS, NULL);
  stream_deadline(session->stream, session_command_deadline(session, now));
  g_autoptr(GError) problem = NULL;
  res = stream_accept_tls(session->stream, context, &problem);
  (void)session_wait_end(session);
  if (res == RES_OK)
    begin_anew(session);
  else {
    log_note("session ended", log_err(problem));
    session->over = true;
  }
  return RES_OK;
}
