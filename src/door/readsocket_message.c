#include "base/log.h"
#include "door/one_reply.h"
#include "door/question.h"
#include "door/readsocket.h"
#include "door/session.h"
#include "door/transaction.h"
#include "envelope/address.h"

/* By so much a message may be shorter than was stated: header lines that Exim counts and does not show. One that is shorter still is cut at Exim's message_body_visible. */
#define SHORT_OF_SIZE 512

static const struct door_hooks *
hooks_of(const struct readsocket *session)
{
  return session->exchange.service->hooks;
}

/* ---- the envelope ---- */

/* An address as the hooks want it; NULL: it is none. Owned by the caller. */
static char *
address_of(const char *text)
{
  OWN(address) address = NULL;
  g_autoptr(GError) error = NULL;
  return address_parse(slice_of(text), true, &address, &error) == RES_OK ? address_text(address) : NULL;
}

enum res
readsocket_check_address(const char *recipient, GError **error)
{
  g_autofree char *address = address_of(recipient);
  return address ? RES_OK : refuse(error, REPLY_BAD_ADDRESS, "a recipient is no address: one with spaces is to be quoted");
}

void
readsocket_mail(struct readsocket *session, const char *sender, int64_t size)
{
  static const struct door_xforward nothing;
  session->refusal = g_string_new(NULL);
  session->deferral = g_string_new(NULL);
  session->transaction = (struct door_transaction){
    .peer = &session->exchange.peer,
    .xforward = &nothing,
    .reverse_path = *sender ? address_of(sender) : g_strdup(""),
    .smtputf8 = !g_str_is_ascii(sender),
    .size = size,
    .recipients = transaction_recipients_new(),
    .reply = g_string_new(NULL),
  };
  enum res res = RES_OK;
  if (session->transaction.reverse_path == NULL)
    res = refuse(&session->failure, REPLY_BAD_SENDER, "the sender is no address");
  else
    res = transaction_check_size(session->exchange.service->options, size, &session->failure);
  if (res == RES_OK)
    res = hooks_of(session)->mail(hooks_of(session)->ctx, &session->transaction, &session->failure);
  session->in_transaction = res == RES_OK;
}

/* The first reply of its kind counts. */
static void
note_reply(struct readsocket *session, const GString *reply)
{
  GString *noted = reply->str[0] == '4' ? session->deferral : session->refusal;
  if (noted->len == 0)
    g_string_append_len(noted, reply->str, (gssize)reply->len);
}

static void
take_recipient(struct readsocket *session, const char *address, GString *reply)
{
  g_autoptr(GError) error = NULL;
  if (transaction_recipient(hooks_of(session), &session->transaction, address, NULL, &error) == RES_OK)
    return;
  question_reply(error, reply);
  note_reply(session, reply);
}

/* Who is not ours takes no part; nor does who is unknown to us, but was known to the MTA at RCPT. */
enum res
readsocket_recipient(struct readsocket *session, const char *recipient, GError **error)
{
  g_autoptr(GString) reply = g_string_new(NULL);
  g_autofree char *address = address_of(recipient);
  if (address == NULL)
    return readsocket_check_address(recipient, error);
  enum fate fate = question_ask(session->exchange.service, &(struct door_question){ .recipient = address }, reply);
  session->ours = session->ours || (fate != FATE_FOREIGN && fate != FATE_UNKNOWN);
  if (fate == FATE_REFUSED || fate == FATE_TROUBLE)
    note_reply(session, reply);
  else if (fate != FATE_OURS || session->transaction.recipients->len >= DOOR_RECIPIENTS_MAX)
    session->others = true;
  else if (session->in_transaction) {
    session->transaction.smtputf8 = session->transaction.smtputf8 || !g_str_is_ascii(address);
    take_recipient(session, address, reply);
  }
  return RES_OK;
}

void
readsocket_reset(struct readsocket *session)
{
  struct door_transaction *transaction = &session->transaction;
  if (session->in_transaction)
    hooks_of(session)->reset(hooks_of(session)->ctx, transaction);
  session->in_transaction = false;
  arrival_clear(&session->message);
  g_clear_pointer(&transaction->reverse_path, g_free);
  g_clear_pointer(&transaction->recipients, g_ptr_array_unref);
  if (transaction->reply)
    g_string_free(g_steal_pointer(&transaction->reply), TRUE);
  if (session->refusal)
    g_string_free(g_steal_pointer(&session->refusal), TRUE);
  if (session->deferral)
    g_string_free(g_steal_pointer(&session->deferral), TRUE);
  g_clear_error(&session->failure);
  g_clear_pointer(&session->ended, g_byte_array_unref);
}

/* ---- the message ---- */

static void
message_begin(struct readsocket *session)
{
  if (session->failure || session->transaction.recipients->len == 0)
    return;
  session->ended = g_byte_array_new();
  session->transaction.attempted = true;
  arrival_init(&session->message, hooks_of(session), session->exchange.service->options, &session->transaction, true);
  arrival_begin(&session->message);
}

/* Is it ours to judge? */
static bool
has_message(const struct readsocket *session)
{
  return session->message.hooks != NULL;
}

/* Why it cannot be judged; NULL: it can, if there is one. */
static const GError *
failure_of(const struct readsocket *session)
{
  return session->failure ? session->failure : session->message.failure;
}

/* Each LF of `in` becomes CRLF, unless a CR stands before it. */
static void
end_lines(struct readsocket *session, struct slice in)
{
  while (in.n > 0) {
    size_t n = slice_find(in, '\n');
    g_byte_array_append(session->ended, (const guint8 *)in.p, (guint)n);
    if (n > 0)
      session->after_cr = in.p[n - 1] == '\r';
    if (n < in.n)
      g_byte_array_append(session->ended, (const guint8 *)"\r\n" + session->after_cr, session->after_cr ? 1 : 2);
    session->after_cr = session->after_cr && n == in.n;
    in = slice_skip(in, n + 1);
  }
}

static void
feed(struct readsocket *session, struct slice block)
{
  if (!has_message(session))
    return;
  end_lines(session, block);
  (void)arrival_feed(&session->message, (struct slice){ (const char *)session->ended->data, session->ended->len }, NULL);
  g_byte_array_set_size(session->ended, 0);
}

/* Exim's body may lack its last line end. */
static void
message_finish(struct readsocket *session)
{
  if (session->message.decoder.line > 0 || session->after_cr)
    feed(session, SLICE("\n"));
}

/* ---- the answer ---- */

/* What was seen is not the message: nothing is said of it, and its delivery is judged. */
static bool
is_cut(const struct readsocket *session)
{
  int64_t octets = session->message.octets;
  if (!has_message(session) || octets + SHORT_OF_SIZE >= session->transaction.size)
    return false;
  log_warn("message not judged", log_str("from", session->transaction.reverse_path), log_int("octets", octets), log_int("size", session->transaction.size),
           log_str("error", "it is cut: Exim's message_body_visible is less than its size"));
  return true;
}

static void
judge(struct readsocket *session)
{
  session->transaction.others = session->others || session->deferral->len > 0;
  arrival_end(&session->message);
}

/* Ours are not asked about it, or it could not be judged. */
static void
note_failure(struct readsocket *session, const GError *failure)
{
  g_autoptr(GString) reply = g_string_new(NULL);
  question_reply(failure, reply);
  note_reply(session, reply);
  if (session->ours && !session->others)
    transfer_count_failure(failure);
  log_note(session->others ? "message not judged" : "message refused", log_str("from", session->transaction.reverse_path), log_int("octets", session->message.octets),
           log_err(failure));
}

/* Does somebody get it? Replies to those who do not are noted. */
static bool
somebody_gets_it(struct readsocket *session)
{
  bool taken = false;
  for (guint i = 0; i < session->transaction.recipients->len; i++) {
    struct door_recipient *recipient = g_ptr_array_index(session->transaction.recipients, i);
    if (recipient->reply->len == 0)
      reply_render(REPLY_TROUBLE, NULL, recipient->reply);
    g_autoptr(GString) line = g_string_new_len(recipient->reply->str, (gssize)recipient->reply->len - 2);
    if (line->str[0] == '2')
      taken = true;
    else
      note_reply(session, line);
  }
  return taken;
}

/* "ok", and where all of it is ours to decide and everybody gets it, the verdict. */
static void
answer_ok(const struct readsocket *session, bool judged, GString *answer)
{
  g_string_append(answer, "ok");
  if (!judged || session->others || session->deferral->len > 0 || session->refusal->len > 0)
    return;
  g_autoptr(GString) line = g_string_new(NULL);
  one_reply_render(session->transaction.recipients, NULL, line);
  g_string_append_printf(answer, " %.*s", (int)line->len - 2, line->str);
}

static void
answer_message(struct readsocket *session, GString *answer)
{
  bool cut = failure_of(session) == NULL && is_cut(session);
  if (has_message(session) && failure_of(session) == NULL && !cut)
    judge(session);
  const GError *failure = failure_of(session);
  if (failure)
    note_failure(session, failure);
  bool taken = failure == NULL && somebody_gets_it(session);
  if (session->others || !session->ours || cut || taken)
    answer_ok(session, taken, answer);
  else if (session->deferral->len > 0)
    g_string_append_printf(answer, "defer %s", session->deferral->str);
  else
    g_string_append(answer, session->refusal->str);
}

enum res
readsocket_message(struct readsocket *session, GString *answer, GError **error)
{
  struct stream *stream = session->exchange.stream;
  message_begin(session);
  enum res res = RES_OK;
  while (res == RES_OK) {
    struct slice block = stream_pending(stream);
    feed(session, block);
    stream_consume(stream, block.n);
    res = exchange_wait(&session->exchange, EXCHANGE_MESSAGE, error);
  }
  if (res != RES_MORE)
    return RES_TEMP;
  message_finish(session);
  answer_message(session, answer);
  return RES_OK;
}
