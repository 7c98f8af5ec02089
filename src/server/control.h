#pragma once
/* STATE_DIR/control.sock: how commands tell a running server what they changed, and ask how it is. A line in, lines out, the last one ".".
 *   changed   take in lists, wake the courier; answered when that is done
 *   retry     the same, and the courier tries a peer that was down at once
 *   probe T   "seen" if a message to listward-doctor+T has come in, one of the last few to that name; else "not seen"
 *   maps      answered when the MTA's maps are as the database and [mta] command has ended, in some seconds at most; at once if [mta] maps is empty
 *   aliases   the same, and both are done even if nothing has changed
 *   ping      "ok"
 *   status    "name value" lines: pid, uptime, sessions, memory, counters; "hop" and a JSON object for each next hop of each outlet */
#include "base/error.h"
#include "base/own.h"
#include "base/slice.h"
#include <stdbool.h>

struct control;

struct control_hooks {
  void *ctx;
  /* Takes in what has changed in the database. RES_TEMP: the database. */
  enum res (*changed)(void *ctx, GError **error);
  enum res (*retry)(void *ctx, GError **error);
  /* RES_TEMP: the maps could not be written, the command failed, or both take longer. */
  enum res (*maps)(void *ctx, GError **error);
  enum res (*aliases)(void *ctx, GError **error);
  bool (*probe)(void *ctx, struct slice token);
  /* Appends "name value\r\n" lines. */
  void (*status)(void *ctx, GString *out);
};

/* Binds the socket: who connects waits for control_start. RES_BAD: a server is running there already, or the path cannot be bound. */
enum res control_bind(const char *path, struct control **control, GError **error) MUST_CHECK;
/* Serves, one client at a time, in a thread of its own. `hooks` must outlive it. RES_TEMP: no thread. */
enum res control_start(struct control *control, const struct control_hooks *hooks, GError **error) MUST_CHECK;
/* Another thread, while it runs: a client of its socket is answered before `deadline` (monotonic). */
bool control_answers(const struct control *control, int64_t deadline);
/* Stops and removes the socket. NULL is allowed. */
void control_free(struct control *control);
OWN_DEFINE(control, control_free)
