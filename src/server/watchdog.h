#pragma once
/* systemd's watchdog (WatchdogSec=): the server says that it works, as often as asked; it is killed and started anew when it does not. */
#include "base/error.h"
#include "base/own.h"
#include <stdbool.h>
#include <stdint.h>

struct watchdog;

/* A thread that sends WATCHDOG=1 at half of $WATCHDOG_USEC, each time that `able` has returned true; it may block, and has until `deadline` (monotonic). After notify_open().
 * `watchdog` is NULL where nobody asked: then there is no thread and no wake-up. RES_TEMP: no room for the thread. */
enum res watchdog_start(bool (*able)(void *ctx, int64_t deadline), void *ctx, struct watchdog **watchdog, GError **error) MUST_CHECK;
/* Waits until `able` has returned. NULL is allowed. */
void watchdog_free(struct watchdog *watchdog);
OWN_DEFINE(watchdog, watchdog_free)
