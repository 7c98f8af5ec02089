/* A milter's transaction and its message, as the hooks see them. */
#include "door/milter_session.h"
/* ---- envelope ---- */

static void
recipient_free(void *data)
{
  struct door_recipient *recipient = data;
  g_free(recipient->address);
  g_string_free(recipient->reply, TRUE);
  g_free(recipient);
}

static void
message_clear(struct message *message)
{
  g_clear_pointer(&message->raw, g_byte_array_unref);
  g_clear_pointer(&message->decoded, g_byte_array_unref);
  g_clear_error(&message->failure);
  *message = (struct message){ 0 };
}

void
milter_reset(struct milter *milter)
{
  if (milter->in_transaction)
    milter_hooks(milter)->reset(milter_hooks(milter)->ctx, &milter->transaction);
  milter->in_transaction = milter->others = false;
  message_clear(&milter->message);
  g_clear_pointer(&milter->transaction.recipients, g_ptr_array_unref);
  g_clear_pointer(&milter->written, g_ptr_array_unref);
  milter->transaction = (struct door_transaction){ 0 };
  mail_parameters_clear(&milter->parameters);
  milter->parameters = (struct mail_parameters){ 0 };
  g_clear_pointer(&milter->sender, g_free);
  g_clear_pointer(&milter->reverse_path, g_free);
}

static enum res
begin_transaction(struct milter *milter, GError **error)
{
  const struct door_options *options = milter->exchange.service->options;
  const struct mail_parameters *parameters = &milter->parameters;
  if (parameters->size > options->size_max)
    return refuse(error, REPLY_TOO_LARGE, "the limit is %" G_GINT64_FORMAT " octets", options->size_max);
  milter->transaction = (struct door_transaction){
    .peer = &milter->exchange.peer,
    .xforward = &milter->nothing,
    .reverse_path = milter->reverse_path,
    .smtputf8 = parameters->smtputf8,
    .body = parameters->body,
    .ret = parameters->ret,
    .envid = parameters->envid,
    .size = parameters->size,
    .recipients = g_ptr_array_new_with_free_func(recipient_free),
  };
  milter->written = g_ptr_array_new_with_free_func(g_free);
  enum res res = milter_hooks(milter)->mail(milter_hooks(milter)->ctx, &milter->transaction, error);
  milter->in_transaction = res == RES_OK;
  if (res != RES_OK) {
    g_clear_pointer(&milter->transaction.recipients, g_ptr_array_unref);
    g_clear_pointer(&milter->written, g_ptr_array_unref);
    milter->transaction = (struct door_transaction){ 0 };
  }
  return res;
}

enum res
milter_take_recipient(struct milter *milter, const char *address, struct slice written, GError **error)
{
  void *target = NULL;
  enum res res = milter->in_transaction ? RES_OK : begin_transaction(milter, error);
  if (res == RES_OK && milter->transaction.recipients->len >= DOOR_RECIPIENTS_MAX)
    res = trouble(error, REPLY_TOO_MANY_RECIPIENTS, "more than %d recipients", DOOR_RECIPIENTS_MAX);
  if (res != RES_OK)
    return res;
  res = milter_hooks(milter)->recipient(milter_hooks(milter)->ctx, &milter->transaction, address, &target, error);
  if (res != RES_OK)
    return res;
  struct door_recipient *recipient = g_new0(struct door_recipient, 1);
  *recipient = (struct door_recipient){ .address = g_strdup(address), .target = target, .reply = g_string_new(NULL) };
  g_ptr_array_add(milter->transaction.recipients, recipient);
  g_ptr_array_add(milter->written, slice_dup(written));
  return RES_OK;
}

/* ---- the message's octets ---- */

static void
failed(struct milter *milter, bool begun)
{
  if (milter->message.failure == NULL)
    (void)trouble(&milter->message.failure, REPLY_TROUBLE, "the message could not be kept");
  if (begun)
    milter_hooks(milter)->message_drop(milter_hooks(milter)->ctx, &milter->transaction);
}

void
milter_begin_message(struct milter *milter)
{
  struct message *message = &milter->message;
  if (message->begun || !milter_has_ours(milter))
    return;
  message->begun = true;
  message->field.leading_space = milter->agreed.steps & MILTER_LEADING_SPACE;
  message->raw = g_byte_array_new();
  message->decoded = g_byte_array_new();
  dot_decoder_init(&message->decoder, true);
  milter->transaction.attempted = true;
  if (milter_hooks(milter)->message_begin(milter_hooks(milter)->ctx, &milter->transaction, &message->failure) != RES_OK)
    failed(milter, false);
}

/* What the decoder has made of a piece: counted, checked, passed on. */
static void
take_decoded(struct milter *milter)
{
  struct message *message = &milter->message;
  const struct door_options *options = milter->exchange.service->options;
  struct slice octets = { (const char *)message->decoded->data, message->decoded->len };
  milter->transaction.stray = message->decoder.stray;
  message->octets += (int64_t)octets.n;
  enum res res = RES_OK;
  if (message->octets > options->size_max)
    res = refuse(&message->failure, REPLY_TOO_LARGE, "the limit is %" G_GINT64_FORMAT " octets", options->size_max);
  else if (message->decoder.long_line)
    res = refuse(&message->failure, REPLY_MALFORMED, "a line has more than %d octets", MESSAGE_LINE_MAX);
  else if (octets.n > 0)
    res = milter_hooks(milter)->message_data(milter_hooks(milter)->ctx, &milter->transaction, octets, &message->failure);
  if (res != RES_OK)
    failed(milter, true);
  g_byte_array_set_size(message->decoded, 0);
}

static void
feed(struct milter *milter, struct slice octets)
{
  struct message *message = &milter->message;
  if (octets.n == 0 || message->failure || !message->begun)
    return;
  bool end;
  (void)dot_decoder_feed(&message->decoder, octets, message->decoded, &end);
  take_decoded(milter);
}

/* What the field in progress has become. */
static void
feed_raw(struct milter *milter)
{
  GByteArray *raw = milter->message.raw;
  feed(milter, (struct slice){ (const char *)raw->data, raw->len });
  g_byte_array_set_size(raw, 0);
}

void
milter_field_piece(struct milter *milter, struct slice piece)
{
  if (!milter->message.begun)
    return;
  milter_field_feed(&milter->message.field, piece, milter->message.raw);
  feed_raw(milter);
}

void
milter_field_done(struct milter *milter)
{
  if (!milter->message.begun)
    return;
  milter_field_end(&milter->message.field, milter->message.raw);
  feed_raw(milter);
}

void
milter_body_piece(struct milter *milter, struct slice piece)
{
  if (!milter->message.in_body)
    feed(milter, SLICE("\r\n"));
  milter->message.in_body = true;
  feed(milter, piece);
}

void
milter_end_message(struct milter *milter)
{
  struct message *message = &milter->message;
  const struct service *service = milter->exchange.service;
  if (message->failure)
    return;
  dot_decoder_finish(&message->decoder, message->decoded);
  take_decoded(milter);
  if (message->failure)
    return;
  milter->transaction.others = milter->others;
  if (atomic_load(&service->options->stopping)) {
    (void)trouble(&message->failure, REPLY_STOPPING, "the server is stopping");
    failed(milter, true);
  } else
    service->hooks->message_end(service->hooks->ctx, &milter->transaction);
}
