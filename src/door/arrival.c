#include "door/arrival.h"
#include "door/transaction.h"

void
arrival_init(struct arrival *arrival, const struct door_hooks *hooks, const struct door_options *options, struct door_transaction *transaction, bool bdat)
{
  *arrival = (struct arrival){ .hooks = hooks, .options = options, .transaction = transaction, .decoded = g_byte_array_new() };
  dot_decoder_init(&arrival->decoder, bdat);
}

/* A hook that failed without a word. */
static void
need_failure(struct arrival *arrival, const char *what)
{
  if (arrival->failure == NULL)
    (void)trouble(&arrival->failure, REPLY_TROUBLE, "%s", what);
}

void
arrival_begin(struct arrival *arrival)
{
  const struct door_hooks *hooks = arrival->hooks;
  if (hooks->message_begin(hooks->ctx, arrival->transaction, &arrival->failure) != RES_OK)
    need_failure(arrival, "the message could not be begun");
}

static enum res
hand_over(struct arrival *arrival, struct slice octets)
{
  const struct door_hooks *hooks = arrival->hooks;
  enum res res = transaction_check_size(arrival->options, arrival->octets, &arrival->failure);
  if (res == RES_OK && arrival->decoder.long_line)
    res = refuse(&arrival->failure, REPLY_MALFORMED, "a line has more than %d octets", MESSAGE_LINE_MAX);
  if (res == RES_OK && octets.n > 0)
    res = hooks->message_data(hooks->ctx, arrival->transaction, octets, &arrival->failure);
  return res;
}

/* What the decoder has made of a block. */
static void
take_decoded(struct arrival *arrival)
{
  const struct door_hooks *hooks = arrival->hooks;
  struct slice octets = { (const char *)arrival->decoded->data, arrival->decoded->len };
  arrival->transaction->stray = arrival->decoder.stray;
  arrival->octets += (int64_t)octets.n;
  if (!arrival->failure && hand_over(arrival, octets) != RES_OK) {
    need_failure(arrival, "the message could not be kept");
    hooks->message_drop(hooks->ctx, arrival->transaction);
  }
  g_byte_array_set_size(arrival->decoded, 0);
}

size_t
arrival_feed(struct arrival *arrival, struct slice octets, bool *end)
{
  bool ended;
  size_t consumed = dot_decoder_feed(&arrival->decoder, octets, arrival->decoded, end ? end : &ended);
  take_decoded(arrival);
  return consumed;
}

void
arrival_finish(struct arrival *arrival)
{
  dot_decoder_finish(&arrival->decoder, arrival->decoded);
  take_decoded(arrival);
}

void
arrival_end(struct arrival *arrival)
{
  const struct door_hooks *hooks = arrival->hooks;
  if (!arrival->failure && atomic_load(&arrival->options->stopping))
    (void)trouble(&arrival->failure, REPLY_STOPPING, "the server is stopping");
  if (!arrival->failure)
    hooks->message_end(hooks->ctx, arrival->transaction);
}

void
arrival_clear(struct arrival *arrival)
{
  g_clear_pointer(&arrival->decoded, g_byte_array_unref);
  g_clear_error(&arrival->failure);
  *arrival = (struct arrival){ 0 };
}
