#pragma once
/* A service that listens: a protocol, and what its sessions need. Its sessions are made and run by server/listeners.h, all services' together bounded by
 * max_sessions. One static table of functions for each protocol: */
#include "door/door.h"

struct service;

struct service_ops {
  const char *name; /* in log lines: "lmtp", "smtp", "milter", "policy", "socketmap", "readsocket" */
  /* A session over `stream` (taken over). `service` outlives it; `peer` is copied. */
  void *(*session_new)(const struct service *service, struct stream *stream, const struct door_peer *peer);
  /* In the session's own thread: serves until the peer goes, an error, or being told to end. */
  void (*session_run)(void *session);
  void (*session_free)(void *session); /* closes the connection */
  /* Any thread; as door_session_idle, door_session_overdue, door_session_end. */
  bool (*session_idle)(void *session, int64_t *since);
  bool (*session_overdue)(void *session, int64_t now, int64_t *since);
  void (*session_end)(void *session, enum reply reply);
  /* What a newcomer is told for whom there is no room, or who may not connect (REPLY_BUSY, REPLY_NOT_ALLOWED): appended to `out`; nothing: it is just closed. */
  void (*turn_away)(enum reply reply, GString *out);
};

struct service {
  const struct service_ops *ops;
  const struct door_hooks *hooks;
  struct door_options *options;
};

extern const struct service_ops lmtp_service, smtp_service, milter_service, policy_service, socketmap_service, readsocket_service;
