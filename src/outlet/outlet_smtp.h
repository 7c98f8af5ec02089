#pragma once
/* Private to outlet_smtp.c and next_hop.c: an SMTP outlet and its next hops. */
#include "outlet/dial.h"
#include "outlet/outlet.h"
#include "outlet/smtp_access.h"
#include "outlet/window.h"
#include <pthread.h>

/* Next hops of an outlet at most. */
#define NEXT_HOPS_MAX 16

struct outlet_smtp;

/* A server, and the connections to it. The one used last is used first, so that few stay open; what was idle for a few seconds is closed. */
struct next_hop {
  struct outlet_smtp *smtp;
  struct endpoint *endpoint;
  char *name; /* "127.0.0.1:25" */
  /* under the outlet's lock */
  struct window *window;
  int64_t serial;   /* of the connection made last */
  GPtrArray *idle;  /* struct link *, the longest idle first */
  GPtrArray *busy;  /* struct link * */
  GPtrArray *dials; /* struct dial *: connections being made */
};

struct outlet_smtp {
  struct outlet outlet;
  char *hostname;
  size_t max_recipients;
  char **ignore_keywords;
  struct smtp_access *access;
  struct next_hop hops[NEXT_HOPS_MAX];
  pthread_mutex_t lock; /* for what follows, and the hops */
  struct windows windows;
  struct window window[NEXT_HOPS_MAX];
  unsigned generation; /* connections made before access was refreshed are not kept */
  bool cut;
};

/* Takes over `endpoint`. */
void next_hop_init(struct next_hop *hop, struct outlet_smtp *smtp, struct window *window, struct endpoint *endpoint);
/* No send may be running. */
void next_hop_clear(struct next_hop *hop);
/* Sends to all pending recipients, over as many connections as that takes. As outlet_send; notes in the window how it went. Not locked. */
enum outlet_result next_hop_send(struct next_hop *hop, struct transmission *transmission, GError **error);
/* As outlet_expire. Not locked. */
int64_t next_hop_expire(struct next_hop *hop, int64_t now);
/* Breaks all connections. Locked. */
void next_hop_cut(struct next_hop *hop);
