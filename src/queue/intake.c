#include "queue/intake.h"
#include "base/crash_point.h"
#include "base/in_hand.h"
#include "base/log.h"
#include "queue/intake_log.h"
#include "queue/items.h"

/* Items stored in one transaction: each is some six statements, and no write function may hold the writer for long. */
#define SLICE_ITEMS 50

const char *
intake_subject(const struct list_target *target)
{
  return target->role == ROLE_POST && target->list ? target->list->posting : target->address;
}

/* --- the transactions --- */

struct keep {
  struct item **items;
  size_t n;
  const struct incoming *incoming;
  bool one_reply;    /* what one cannot get, none gets */
  int64_t key;       /* the message's, for in_hand_take() */
  int64_t known_id;  /* of the message, if a transaction before this one has stored it; else 0 */
  int64_t stored_id; /* result */
};

/* Between two slices the postings of the first may have been delivered, and the octets swept: the message is stored anew then. */
static enum res
check_known(struct tx *tx, struct message_row *row, GError **error)
{
  int64_t one;
  enum res res = sql_int_of(tx, "SELECT 1 FROM message WHERE id = $1 AND (octets IS NOT NULL "
                            "OR size = (SELECT COALESCE(SUM(LENGTH(octets)), 0) FROM message_piece WHERE message_id = $1))",
                            SQL_ARGS(sql_int(row->id)), &one, error);
  if (res != RES_MORE)
    return res;
  row->id = 0;
  return RES_OK;
}

static enum res
keep_in_write(struct tx *tx, void *arg, GError **error)
{
  struct keep *keep = arg;
  struct message_row row = { .incoming = keep->incoming, .id = keep->known_id };
  int slot = in_hand_take(IN_HAND_MESSAGE, keep->key);
  enum res res = row.id ? check_known(tx, &row, error) : RES_OK;
  for (size_t i = 0; res == RES_OK && i < keep->n; i++) {
    res = item_keep(tx, keep->items[i], &row, error);
    if (res == RES_OK && keep->one_reply && reply_is_temporary(keep->items[i]->reply))
      res = trouble(error, keep->items[i]->reply, "%s", keep->items[i]->reason);
  }
  keep->stored_id = row.id;
  in_hand_give(slot);
  CRASH_POINT_IF(res == RES_OK, "accept-written");
  return res;
}

/* Stores `n` items in one transaction. */
static enum res
items_keep_slice(struct store *store, struct keep *keep, struct item **items, size_t n, GError **error)
{
  keep->items = items;
  keep->n = n;
  enum res res = store_write(store, keep_in_write, keep, error);
  CRASH_POINT_IF(res == RES_OK, "accept-committed");
  if (res == RES_OK)
    keep->known_id = keep->stored_id;
  return res;
}

/* Those of a slice that failed for a reason of one of them: each in its own transaction. */
static void
items_keep_singly(struct store *store, struct keep *keep, struct item **items, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    g_autoptr(GError) error = NULL;
    if (items_keep_slice(store, keep, &items[i], 1, &error) != RES_OK)
      item_fail(items[i], error, "a posting could not be stored");
  }
}

/* What is not settled. RES_TEMP: only if there is one reply for all; nobody's is known then. */
static enum res
items_keep(struct store *store, const struct intake_message *message, struct items *items, GError **error)
{
  g_autofree struct item **open = g_new(struct item *, items->n);
  size_t count = 0;
  for (size_t i = 0; i < items->n; i++)
    if (!items->items[i].settled)
      open[count++] = &items->items[i];
  struct keep keep = { .incoming = message->incoming, .key = message->key, .one_reply = message->one_reply };
  enum res res = RES_OK;
  for (size_t i = 0; i < count && res == RES_OK; i += SLICE_ITEMS) {
    g_autoptr(GError) problem = NULL;
    size_t n = MIN(SLICE_ITEMS, count - i);
    if (items_keep_slice(store, &keep, &open[i], n, &problem) == RES_OK)
      continue;
    if (!message->one_reply)
      items_keep_singly(store, &keep, &open[i], n);
    else {
      g_propagate_error(error, g_steal_pointer(&problem));
      res = RES_TEMP;
    }
  }
  if (keep.known_id)
    incoming_accepted(message->incoming);
  return res;
}

/* --- one reply for all --- */

static bool
is_refused(const struct item *item)
{
  return item->settled && reply_code(item->reply) >= 500;
}

static bool
all_refused(const struct items *items)
{
  for (size_t i = 0; i < items->n; i++)
    if (!is_refused(&items->items[i]))
      return false;
  return items->n > 0;
}

/* RES_TEMP: one of them could not be judged. Otherwise those that were refused alone are so no more. */
static enum res
items_agree(struct items *items, GError **error)
{
  for (size_t i = 0; i < items->n; i++)
    if (items->items[i].settled && reply_is_temporary(items->items[i].reply))
      return trouble(error, items->items[i].reply, "it was not judged for all of its lists");
  for (size_t i = 0; i < items->n; i++)
    if (is_refused(&items->items[i]))
      item_soften(&items->items[i]);
  return RES_OK;
}

/* A list that was removed since RCPT does not refuse a message that others took. */
static void
items_forget_gone(struct items *items)
{
  size_t gone = 0;
  for (size_t i = 0; i < items->n; i++)
    gone += items->items[i].reply == REPLY_UNKNOWN_LIST;
  for (size_t i = 0; gone < items->n && i < items->n; i++)
    if (items->items[i].reply == REPLY_UNKNOWN_LIST)
      items->items[i].reply = REPLY_DISCARDED;
}

/* Nothing of the message is kept, or (of more lists than one transaction takes) not all: it comes again. */
static void
items_fail(struct items *items, const GError *error)
{
  enum reply reply = error_reply(error, REPLY_TROUBLE);
  bool ours = reply == REPLY_TROUBLE || reply == REPLY_FULL;
  log_write(ours ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "message not taken", LOG_FIELDS(log_str("from", items->intake.message->reverse_path), log_err(error)));
  for (size_t i = 0; i < items->n; i++)
    item_give_up(&items->items[i], error);
}

static enum res
items_take(struct store *store, const struct intake_message *message, struct items *items, GError **error)
{
  enum res res = message->one_reply ? items_agree(items, error) : RES_OK;
  if (res == RES_OK && message->pass_on)
    res = message->pass_on(message->pass_on_ctx, error);
  if (res == RES_OK)
    res = items_keep(store, message, items, error);
  if (res == RES_OK && message->one_reply)
    items_forget_gone(items);
  return res;
}

void
intake_message(struct store *store, const struct intake_options *options, const struct intake_message *message,
               struct intake_recipient *recipients, size_t n, bool *wake)
{
  struct items items;
  g_autoptr(GError) error = NULL;
  items_judge(&items, store, options, message, recipients, n);
  CRASH_POINT("judged");
  bool refused = message->one_reply && !message->others && all_refused(&items);
  if (!refused && items_take(store, message, &items, &error) != RES_OK)
    items_fail(&items, error);

  *wake = false;
  items_answer(&items, recipients, n);
  for (size_t i = 0; i < items.n; i++) {
    intake_log(&items.items[i]);
    *wake |= items.items[i].wake;
  }
  items_clear(&items);
}
