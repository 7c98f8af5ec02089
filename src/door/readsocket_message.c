#include "base/log.h"
#include "door/one_reply.h"
#include "door/question.h"
#include "door/readsocket.h"
#include "door/session.h"
#include "envelope/address.h"

/* By so much a message may be shorter than was stated: header lines that Exim counts and does not show. One that is shorter still is cut at Exim's message_body_visible. */
#define SHORT_OF_SIZE 512

static const struct door_hooks *
hooks_of(const struct readsocket *session)
{
  return session->exchange.service->hooks;
}

/* ---- the envelope ---- */

static void
recipient_free(void *data)
{
  struct door_recipient *recipient = data;
  g_free(recipient->address);
  g_string_free(recipient->reply, TRUE);
  g_free(recipient);
}

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
  const struct door_options *options = session->exchange.service->options;
  session->refusal = g_string_new(NULL);
  session->deferral = g_string_new(NULL);
  session->transaction = (struct door_transaction){
    .peer = &session->exchange.peer,
    .xforward = &nothing,
    .reverse_path = *sender ? address_of(sender) : g_strdup(""),
    .smtputf8 = !g_str_is_ascii(sender),
    .size = size,
    .recipients = g_ptr_array_new_with_free_func(recipient_free),
    .reply = g_string_new(NULL),
  };
  enum res res = RES_OK;
  if (session->transaction.reverse_path == NULL)
    res = refuse(&session->failure, REPLY_BAD_SENDER, "the sender is no address");
  else if (size > options->size_max)
    res = refuse(&session->failure, REPLY_TOO_LARGE, "the limit is %" G_GINT64_FORMAT " octets", options->size_max);
  else
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
take_recipient(struct readsocket *session, char *address, GString *reply)
{
  struct door_transaction *transaction = &session->transaction;
  g_autoptr(GError) error = NULL;
  void *target = NULL;
  if (hooks_of(session)->recipient(hooks_of(session)->ctx, transaction, address, &target, &error) != RES_OK) {
    question_reply(error, reply);
    note_reply(session, reply);
    return;
  }
  struct door_recipient *recipient = g_new0(struct door_recipient, 1);
  *recipient = (struct door_recipient){ .address = g_strdup(address), .target = target, .reply = g_string_new(NULL) };
  g_ptr_array_add(transaction->recipients, recipient);
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
  session->in_transaction = session->begun = false;
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
  g_clear_pointer(&session->decoded, g_byte_array_unref);
}

/* ---- the message ---- */

static void
message_begin(struct readsocket *session)
{
  if (session->failure || session->transaction.recipients->len == 0)
    return;
  dot_decoder_init(&session->decoder, true);
  session->ended = g_byte_array_new();
  session->decoded = g_byte_array_new();
  session->transaction.attempted = true;
  session->begun = hooks_of(session)->message_begin(hooks_of(session)->ctx, &session->transaction, &session->failure) == RES_OK;
  if (!session->begun && session->failure == NULL)
    (void)trouble(&session->failure, REPLY_TROUBLE, "the message could not be begun");
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

/* What the decoder has made of a block: counted, checked, passed on. */
static void
take_decoded(struct readsocket *session)
{
  const struct door_options *options = session->exchange.service->options;
  struct slice octets = { (const char *)session->decoded->data, session->decoded->len };
  session->transaction.stray = session->decoder.stray;
  session->octets += (int64_t)octets.n;
  enum res res = RES_OK;
  if (session->octets > options->size_max)
    res = refuse(&session->failure, REPLY_TOO_LARGE, "the limit is %" G_GINT64_FORMAT " octets", options->size_max);
  else if (session->decoder.long_line)
    res = refuse(&session->failure, REPLY_MALFORMED, "a line has more than %d octets", MESSAGE_LINE_MAX);
  else if (octets.n > 0)
    res = hooks_of(session)->message_data(hooks_of(session)->ctx, &session->transaction, octets, &session->failure);
  if (res != RES_OK && session->failure == NULL)
    (void)trouble(&session->failure, REPLY_TROUBLE, "the message could not be kept");
  if (session->failure)
    hooks_of(session)->message_drop(hooks_of(session)->ctx, &session->transaction);
}

static void
feed(struct readsocket *session, struct slice block)
{
  if (!session->begun || session->failure)
    return;
  bool end;
  end_lines(session, block);
  (void)dot_decoder_feed(&session->decoder, (struct slice){ (const char *)session->ended->data, session->ended->len }, session->decoded, &end);
  take_decoded(session);
  g_byte_array_set_size(session->ended, 0);
  g_byte_array_set_size(session->decoded, 0);
}

/* Exim's body may lack its last line end. */
static void
message_finish(struct readsocket *session)
{
  if (session->decoder.line > 0 || session->after_cr)
    feed(session, SLICE("\n"));
}

/* ---- the answer ---- */

/* What was seen is not the message: nothing is said of it, and its delivery is judged. */
static bool
is_cut(const struct readsocket *session)
{
  if (!session->begun || session->octets + SHORT_OF_SIZE >= session->transaction.size)
    return false;
  log_warn("message not judged", log_str("from", session->transaction.reverse_path), log_int("octets", session->octets), log_int("size", session->transaction.size),
           log_str("error", "it is cut: Exim's message_body_visible is less than its size"));
  return true;
}

static void
judge(struct readsocket *session)
{
  const struct service *service = session->exchange.service;
  session->transaction.others = session->others || session->deferral->len > 0;
  if (atomic_load(&service->options->stopping))
    (void)trouble(&session->failure, REPLY_STOPPING, "the server is stopping");
  else
    service->hooks->message_end(service->hooks->ctx, &session->transaction);
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
  bool cut = session->failure == NULL && is_cut(session), judged = session->begun && session->failure == NULL && !cut;
  if (judged)
    judge(session);
  if (session->failure) {
    g_autoptr(GString) reply = g_string_new(NULL);
    question_reply(session->failure, reply);
    note_reply(session, reply);
    if (session->ours && !session->others)
      transfer_count_failure(session->failure);
    log_note(session->others ? "message not judged" : "message refused", log_str("from", session->transaction.reverse_path), log_int("octets", session->octets),
             log_err(session->failure));
  }
  bool taken = session->failure == NULL && somebody_gets_it(session);
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
