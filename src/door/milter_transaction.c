/* A milter's transaction and its message, as the hooks see them. */
#include "door/milter_session.h"
#include "door/transaction.h"

/* ---- envelope ---- */

static void
message_clear(struct message *message)
{
  g_clear_pointer(&message->raw, g_byte_array_unref);
  arrival_clear(&message->arrival);
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
  const struct mail_parameters *parameters = &milter->parameters;
  enum res res = transaction_check_size(milter->exchange.service->options, parameters->size, error);
  if (res != RES_OK)
    return res;
  milter->transaction = (struct door_transaction){
    .peer = &milter->exchange.peer,
    .xforward = &milter->nothing,
    .reverse_path = milter->reverse_path,
    .smtputf8 = parameters->smtputf8,
    .body = parameters->body,
    .ret = parameters->ret,
    .envid = parameters->envid,
    .size = parameters->size,
    .recipients = transaction_recipients_new(),
  };
  milter->written = g_ptr_array_new_with_free_func(g_free);
  res = milter_hooks(milter)->mail(milter_hooks(milter)->ctx, &milter->transaction, error);
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
  enum res res = milter->in_transaction ? RES_OK : begin_transaction(milter, error);
  if (res == RES_OK)
    res = transaction_recipient(milter_hooks(milter), &milter->transaction, address, NULL, error);
  if (res == RES_OK)
    g_ptr_array_add(milter->written, slice_dup(written));
  return res;
}

/* ---- the message's octets ---- */

void
milter_begin_message(struct milter *milter)
{
  struct message *message = &milter->message;
  if (message->begun || !milter_has_ours(milter))
    return;
  message->begun = true;
  message->field.leading_space = milter->agreed.steps & MILTER_LEADING_SPACE;
  message->raw = g_byte_array_new();
  milter->transaction.attempted = true;
  arrival_init(&message->arrival, milter_hooks(milter), milter->exchange.service->options, &milter->transaction, true);
  arrival_begin(&message->arrival);
}

static void
feed(struct milter *milter, struct slice octets)
{
  if (octets.n > 0 && milter->message.begun)
    (void)arrival_feed(&milter->message.arrival, octets, NULL);
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
  struct arrival *arrival = &milter->message.arrival;
  milter->transaction.others = milter->others;
  arrival_finish(arrival);
  arrival_end(arrival);
}
