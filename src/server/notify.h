#pragma once
/* systemd's notification protocol (sd_notify), without its library. */

/* Connects to $NOTIFY_SOCKET, if that is set: before the sandbox, out of which an abstract socket is not reached. One thread. */
void notify_open(void);
/* Sends `state` ("READY=1", "STOPPING=1", …) to $NOTIFY_SOCKET; does nothing without notify_open or where that is not set. */
void notify_send(const char *state);
