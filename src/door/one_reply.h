#pragma once
/* SMTP's one reply after the dot, for all recipients of a message: made of the one that each would get over LMTP. */
#include "door/door.h"

/* Appends the line to `out`. `recipients`: struct door_recipient *, ours. A temporary refusal of one is one of all: the message comes again. Else what is said of those who have
 * it, in one line (REPLY_SEVERAL), `also` (NULL: nothing) behind; where nobody has it, the first refusal. No recipients: `also` alone. */
void one_reply_render(const GPtrArray *recipients, const char *also, GString *out);
