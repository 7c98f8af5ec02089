#pragma once
/* Messages that `listward doctor` sent through the mail server, and that have come in: the last few, in memory. Any thread. */
#include "base/slice.h"
#include <stdbool.h>

/* Something came in for this address, which is ROLE_NOREPLY: if it is one of the doctor's, its token is kept. */
void probes_note(const char *address);
bool probes_seen(struct slice token);
