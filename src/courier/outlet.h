#pragma once
/* Where copies go: a table of functions, so that SMTP, a Maildir and a test's own fit underneath. */
#include "base/own.h"
#include "courier/transmission.h"

struct outlet;

enum outlet_result {
  OUTLET_DONE,   /* no recipient is pending */
  OUTLET_BROKEN, /* reached, but the connection broke: some recipients may be pending */
  OUTLET_DOWN,   /* not reached: nothing was tried for those that are pending */
};

struct outlet_ops {
  /* Any number of threads at a time. Fills in outcomes and replies. DOWN and BROKEN: the error says why. */
  enum outlet_result (*send)(struct outlet *outlet, struct transmission *transmission, GError **error);
  /* Closes connections idle since before `now` minus a few seconds; gives when to call again (monotonic), INT64_MAX: not needed. */
  int64_t (*expire)(struct outlet *outlet, int64_t now);
  /* True: breaks every connection: sends that are running end soon, new ones are DOWN. False: it may be used again. */
  void (*cut)(struct outlet *outlet, bool cut);
  void (*free)(struct outlet *outlet);
};

/* The head of every outlet's own struct. */
struct outlet {
  const struct outlet_ops *ops;
  char *name; /* "smtp 127.0.0.1:25", for the log; owned */
};

struct outlet_options {
  const char *type;     /* "smtp" or "maildir" */
  const char *host;     /* smtp */
  int port;             /* smtp */
  const char *path;     /* maildir: made if missing */
  const char *hostname; /* ours */
  int max_recipients;   /* smtp: of one transaction */
};

/* RES_BAD: no such type, or what it needs is missing. Nothing is connected yet. Copies what it keeps. */
enum res outlet_new(const struct outlet_options *options, struct outlet **outlet, GError **error) MUST_CHECK;
/* NULL is allowed. No call may be running. */
void outlet_free(struct outlet *outlet);
OWN_DEFINE(outlet, outlet_free)

/* As in struct outlet_ops. */
enum outlet_result outlet_send(struct outlet *outlet, struct transmission *transmission, GError **error);
int64_t outlet_expire(struct outlet *outlet, int64_t now);
void outlet_cut(struct outlet *outlet, bool cut);

/* The rows of the table. */
struct outlet *outlet_smtp_new(const struct outlet_options *options, GError **error);
struct outlet *outlet_maildir_new(const struct outlet_options *options, GError **error);
