#include "base/clock.h"
#include "base/counter.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "door/one_reply.h"
#include "door/session.h"

void
transfer_begin(struct door_session *session, bool bdat)
{
  struct transfer *transfer = &session->transfer;
  *transfer = (struct transfer){ .open = true, .deadline = clock_monotonic() + session->options->message_timeout };
  session->pace = (struct pace){ 0 };
  arrival_init(&transfer->message, session->hooks, session->options, &session->transaction, bdat);
}

void
transfer_end(struct door_session *session)
{
  arrival_clear(&session->transfer.message);
  session->transfer = (struct transfer){ 0 };
}

static enum res
too_slow(const struct door_session *session, GError **error)
{
  return trouble(error, REPLY_TIMEOUT, "only %" G_GINT64_FORMAT " octets in %" G_GINT64_FORMAT " s of waiting", session->pace.octets,
                 session->pace.waited / CLOCK_SECOND);
}

/* Some octets of a message; those that stand already come first. */
static enum res
read_block(struct door_session *session, int64_t deadline, struct slice *block, GError **error)
{
  *block = stream_pending(session->stream);
  if (block->n > 0)
    return RES_OK;
  int64_t now = clock_monotonic(), overdue = session_overdue_at(session, now);
  if (session_wait_begin(session, WAIT_OCTETS, now) != REPLY_COUNT)
    return too_slow(session, error);
  stream_deadline(session->stream, MIN(MIN(deadline, overdue), now + session->options->data_timeout));
  enum res res = stream_fill(session->stream, error);
  *block = stream_pending(session->stream);
  bool told = session_wait_end(session) != REPLY_COUNT;
  if (res == RES_OK || (!told && clock_monotonic() < overdue))
    return res;
  g_clear_error(error);
  return too_slow(session, error);
}

static void
block_taken(struct door_session *session, size_t n)
{
  stream_consume(session->stream, n);
  session->pace.octets += (int64_t)n;
}

/* ---- the answer ---- */

void
transfer_count_failure(const GError *failure)
{
  counter_add(reply_is_temporary(error_reply(failure, REPLY_TROUBLE)) ? COUNTER_TROUBLE : COUNTER_REFUSED, 1);
}

static void
say_failure(struct door_session *session)
{
  const struct arrival *message = &session->transfer.message;
  transfer_count_failure(message->failure);
  log_note("message refused", log_str("from", session->transaction.reverse_path), log_int("octets", message->octets), log_err(message->failure));
  guint replies = session->transaction.one_reply ? 1 : session->transaction.recipients->len;
  for (guint i = 0; i < replies; i++)
    session_say_error(session, message->failure);
}

/* RFC 5321 4.1.1.4. */
static void
say_one_verdict(struct door_session *session)
{
  g_autoptr(GString) line = g_string_sized_new(REPLY_LINE_MAX);
  one_reply_render(session->transaction.recipients, NULL, line);
  if (!session_say_literal(session))
    session_write(session, (struct slice){ line->str, line->len });
}

/* RFC 2033 4.2: one reply for each accepted RCPT, in their order. */
static void
say_verdicts(struct door_session *session)
{
  for (guint i = 0; i < session->transaction.recipients->len; i++) {
    const struct door_recipient *recipient = g_ptr_array_index(session->transaction.recipients, i);
    if (recipient->reply->len > 0)
      session_write(session, (struct slice){ recipient->reply->str, recipient->reply->len });
    else
      session_say(session, REPLY_TROUBLE, NULL);
  }
}

/* Never a 421 here: a client of LMTP would take it for the end of the replies. */
static void
answer(struct door_session *session)
{
  arrival_end(&session->transfer.message);
  stream_deadline(session->stream, clock_monotonic() + session->options->data_timeout); /* the verdict's time is not the peer's */
  if (session->transfer.message.failure)
    say_failure(session);
  else if (session->transaction.one_reply)
    say_one_verdict(session);
  else
    say_verdicts(session);
  CRASH_POINT("reply-written");
  session_reset(session);
}

/* ---- DATA ---- */

enum res
transfer_data(struct door_session *session, GError **error)
{
  struct transfer *transfer = &session->transfer;
  for (bool end = false; !end;) {
    struct slice block;
    enum res res = read_block(session, transfer->deadline, &block, error);
    if (res != RES_OK)
      return res;
    block_taken(session, arrival_feed(&transfer->message, block, &end));
  }
  answer(session);
  return RES_OK;
}

/* ---- BDAT, RFC 3030 ---- */

static enum res
read_chunk(struct door_session *session, int64_t octets, GError **error)
{
  struct transfer *transfer = &session->transfer;
  while (octets > 0) {
    struct slice block;
    enum res res = read_block(session, transfer->deadline, &block, error);
    if (res != RES_OK)
      return res;
    block = slice_head(block, (size_t)MIN(octets, STREAM_INPUT_MAX));
    block_taken(session, arrival_feed(&transfer->message, block, NULL));
    octets -= (int64_t)block.n;
  }
  return RES_OK;
}

enum res
transfer_chunk(struct door_session *session, int64_t octets, bool last, GError **error)
{
  struct arrival *message = &session->transfer.message;
  enum res res = read_chunk(session, octets, error);
  if (res != RES_OK)
    return res;
  if (last) {
    arrival_finish(message);
    answer(session);
  } else if (message->failure) {
    transfer_count_failure(message->failure);
    session_say_error(session, message->failure);
    session_reset(session);
  } else {
    g_autofree char *detail = g_strdup_printf("%" G_GINT64_FORMAT, octets);
    session_say(session, REPLY_CHUNK_OK, detail);
  }
  return RES_OK;
}

enum res
transfer_swallow(struct door_session *session, int64_t octets, GError **error)
{
  int64_t deadline = clock_monotonic() + session->options->message_timeout;
  while (octets > 0) {
    struct slice block;
    enum res res = read_block(session, deadline, &block, error);
    if (res != RES_OK)
      return res;
    size_t n = slice_head(block, (size_t)MIN(octets, STREAM_INPUT_MAX)).n;
    block_taken(session, n);
    octets -= (int64_t)n;
  }
  return RES_OK;
}
