#include "door/transaction.h"

enum res
transaction_check_size(const struct door_options *options, int64_t octets, GError **error)
{
  int64_t limit = atomic_load(&options->size_max);
  return octets <= limit ? RES_OK : refuse(error, REPLY_TOO_LARGE, "the limit is %" G_GINT64_FORMAT " octets", limit);
}

static void
recipient_free(void *data)
{
  struct door_recipient *recipient = data;
  g_free(recipient->address);
  g_free(recipient->orcpt);
  g_string_free(recipient->reply, TRUE);
  g_free(recipient);
}

GPtrArray *
transaction_recipients_new(void)
{
  return g_ptr_array_new_with_free_func(recipient_free);
}

enum res
transaction_recipient(const struct door_hooks *hooks, struct door_transaction *transaction, const char *address, struct door_recipient **recipient, GError **error)
{
  if (transaction->recipients->len >= DOOR_RECIPIENTS_MAX)
    return trouble(error, REPLY_TOO_MANY_RECIPIENTS, "more than %d recipients", DOOR_RECIPIENTS_MAX);
  void *target = NULL;
  enum res res = hooks->recipient(hooks->ctx, transaction, address, &target, error);
  if (res != RES_OK)
    return res;
  struct door_recipient *taken = g_new0(struct door_recipient, 1);
  *taken = (struct door_recipient){ .address = g_strdup(address), .target = target, .reply = g_string_new(NULL) };
  g_ptr_array_add(transaction->recipients, taken);
  if (recipient)
    *recipient = taken;
  return RES_OK;
}
