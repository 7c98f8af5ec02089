#pragma once
/* What all doors do alike with a transaction's envelope. */
#include "door/door.h"

/* RES_BAD: REPLY_TOO_LARGE. */
enum res transaction_check_size(const struct door_options *options, int64_t octets, GError **error) MUST_CHECK;
/* An array for `recipients` of a transaction: it owns them. */
GPtrArray *transaction_recipients_new(void);
/* RCPT: asks the hook; who is taken is added to the transaction, and stands in `*recipient` (borrowed) if that is not NULL. `address` is copied. Others: as of the hook, or RES_TEMP:
 * there are DOOR_RECIPIENTS_MAX. */
enum res transaction_recipient(const struct door_hooks *hooks, struct door_transaction *transaction, const char *address, struct door_recipient **recipient,
                               GError **error) MUST_CHECK;
