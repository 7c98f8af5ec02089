#pragma once
/* From a whole message and its recipients to judged items: what acceptance (queue/intake.h) and verdicts in front of the queue (queue/front.h) have in common. */
#include "queue/intake_item.h"

struct items {
  struct intake intake;
  struct content *content;
  char *subject;
  struct item *items;
  size_t n;
  size_t *of; /* of each recipient: its item */
};

/* Reads the message and judges it for each meaning of its recipients. Recipients that mean the same list and role become one item. Trouble is a result (item->settled,
 * REPLY_TROUBLE). `options`, `message` and `recipients` must outlive the items, which are to be cleared. Outside a store_fn. */
void items_judge(struct items *items, struct store *store, const struct intake_options *options, const struct intake_message *message,
                 const struct intake_recipient *recipients, size_t n);
void items_clear(struct items *items);
/* Fills in the results of the recipients they were made of. */
void items_answer(const struct items *items, struct intake_recipient *recipients, size_t n);
/* Nothing is kept of it; the error's reply, and its message where the reply shows one. */
void item_give_up(struct item *item, const GError *error);
/* It could not be done: the error's reply, if it is a temporary one, else REPLY_TROUBLE. `event` is for the log. */
void item_fail(struct item *item, const GError *error, const char *event);
