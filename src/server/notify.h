#pragma once
/* systemd's notification protocol (sd_notify), without its library. */

/* Sends `state` ("READY=1", "STOPPING=1", …) to $NOTIFY_SOCKET; does nothing where that is not set. */
void notify_send(const char *state);
