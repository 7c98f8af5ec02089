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
  *transfer = (struct transfer){ .open = true, .decoded = g_byte_array_new() };
  transfer->deadline = clock_monotonic() + session->options->message_timeout;
  session->pace = (struct pace){ 0 };
  dot_decoder_init(&transfer->decoder, bdat);
}

void
transfer_end(struct door_session *session)
{
  g_clear_pointer(&session->transfer.decoded, g_byte_array_unref);
  g_clear_error(&session->transfer.failure);
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

/* ---- decoded octets, to the hooks ---- */

static void
hand_over(struct door_session *session, struct slice octets)
{
  struct transfer *transfer = &session->transfer;
  const struct door_hooks *hooks = session->hooks;
  if (octets.n == 0 || hooks->message_data(hooks->ctx, &session->transaction, octets, &transfer->failure) == RES_OK)
    return;
  if (transfer->failure == NULL)
    (void)trouble(&transfer->failure, REPLY_TROUBLE, "the message could not be kept");
}

/* What the decoder has made of the last block: counted, checked, passed on. The first failure counts. */
static void
take_decoded(struct door_session *session)
{
  struct transfer *transfer = &session->transfer;
  GByteArray *decoded = transfer->decoded;
  bool failed_before = transfer->failure != NULL;
  session->transaction.stray = transfer->decoder.stray;
  transfer->octets += decoded->len;
  if (!transfer->failure && transfer->octets > session->options->size_max)
    (void)refuse(&transfer->failure, REPLY_TOO_LARGE, "the limit is %" G_GINT64_FORMAT " octets", session->options->size_max);
  if (!transfer->failure && transfer->decoder.long_line)
    (void)refuse(&transfer->failure, REPLY_MALFORMED, "a line has more than %d octets", MESSAGE_LINE_MAX);
  if (!transfer->failure)
    hand_over(session, (struct slice){ (const char *)decoded->data, decoded->len });
  if (transfer->failure && !failed_before)
    session->hooks->message_drop(session->hooks->ctx, &session->transaction);
  g_byte_array_set_size(decoded, 0);
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
  const GError *failure = session->transfer.failure;
  transfer_count_failure(failure);
  log_note("message refused", log_str("from", session->transaction.reverse_path), log_int("octets", session->transfer.octets), log_err(failure));
  guint replies = session->transaction.one_reply ? 1 : session->transaction.recipients->len;
  for (guint i = 0; i < replies; i++)
    session_say_error(session, failure);
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
  if (!session->transfer.failure && atomic_load(&session->options->stopping))
    (void)trouble(&session->transfer.failure, REPLY_STOPPING, "the server is stopping");
  if (!session->transfer.failure)
    session->hooks->message_end(session->hooks->ctx, &session->transaction);
  stream_deadline(session->stream, clock_monotonic() + session->options->data_timeout); /* the verdict's time is not the peer's */
  if (session->transfer.failure)
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
    block_taken(session, dot_decoder_feed(&transfer->decoder, block, transfer->decoded, &end));
    take_decoded(session);
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
    bool end;
    (void)dot_decoder_feed(&transfer->decoder, block, transfer->decoded, &end);
    block_taken(session, block.n);
    take_decoded(session);
    octets -= (int64_t)block.n;
  }
  return RES_OK;
}

enum res
transfer_chunk(struct door_session *session, int64_t octets, bool last, GError **error)
{
  struct transfer *transfer = &session->transfer;
  enum res res = read_chunk(session, octets, error);
  if (res != RES_OK)
    return res;
  if (last) {
    dot_decoder_finish(&transfer->decoder, transfer->decoded);
    take_decoded(session);
    answer(session);
  } else if (transfer->failure) {
    transfer_count_failure(transfer->failure);
    session_say_error(session, transfer->failure);
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
