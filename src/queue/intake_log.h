#pragma once
/* What became of a message: log lines and counters. For intake.c. */
#include "queue/intake_item.h"

/* One line and one count for an item whose results are final. */
void intake_log(const struct item *item);
/* As intake_log, for a verdict in front of the queue; `passes`: somebody gets the message, so that a refusal is none that the author hears of. */
void intake_log_front(const struct item *item, bool passes);
