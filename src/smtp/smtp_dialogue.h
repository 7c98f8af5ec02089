#pragma once
/* The transactions of a transmission, one behind the other in as few flights as the server allows. */
#include "smtp/smtp_peer.h"

/* Octets of a message from which on nothing is sent before a recipient was accepted. */
#define SMTP_BIG (64 * 1024)

/* Sends `form` to all pending recipients.
 * RES_OK: no recipient is pending. RES_MORE: the server has refused so much that the rest had better go over a fresh connection. RES_TEMP: the connection is lost or of no use any more (closed, too slow, 421, no SMTP). Recipients answered
 * before that have their outcome; those of messages that had left but were not answered are OUTCOME_DEFERRED, since nobody knows; the rest are
 * pending. */
enum res smtp_dialogue_run(struct smtp_peer *peer, struct transmission *mail, const struct copy_form *form, GError **error) MUST_CHECK;
