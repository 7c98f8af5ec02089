#pragma once
/* What a reply says about a transaction and its recipients. */
#include "smtp/smtp_transaction.h"

/* Notes what `reply` to `command` means. `whole`: all of the content had left when it came.
 * RES_OK; RES_TEMP: the server is about to close (421), or what it said is none of the replies to that command. After that
 * nobody fails by what it says. */
enum res smtp_answer_take(struct smtp_peer *peer, const struct smtp_awaited *awaited, bool whole, const struct smtp_reply *reply, GError **error) MUST_CHECK;
/* True: so much was refused that the server may answer slowly, or hang up. */
bool smtp_answer_is_worn(const struct smtp_peer *peer);
