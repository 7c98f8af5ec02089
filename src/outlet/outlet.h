#pragma once
/* Where copies go: a table of functions, so that SMTP, a Maildir and a test's own fit underneath. An outlet knows by itself how much it can
 * take, and until when it is to be left alone. */
#include "base/own.h"
#include "outlet/backoff.h"
#include "smtp/transmission.h"

struct outlet;

enum outlet_result {
  OUTLET_DONE,   /* no recipient is pending */
  OUTLET_BROKEN, /* reached, but the connection broke: some recipients may be pending */
  OUTLET_DOWN,   /* not reached, or no room there: nothing was tried for those that are pending */
};

/* A next hop of an outlet, or the one place it has. */
struct hop_state {
  char *outlet; /* section of the outlet, "" for the default one */
  char *name;   /* "127.0.0.1:25" */
  int window;   /* sends at a time that it is given now */
  int open;     /* connections */
  int64_t down_since, next_try; /* epoch; 0: it was reached when last tried */
  char *error;  /* why it is down, or "" */
};
/* An array of struct hop_state that owns what its elements hold. */
GArray *hop_states_new(void);

struct outlet_ops {
  /* Any number of threads at a time. Fills in outcomes and replies. DOWN and BROKEN: the error says why. */
  enum outlet_result (*send)(struct outlet *outlet, struct transmission *transmission, GError **error);
  /* Sends at a time that it can take now, those that run included. `again`: when that may be more (monotonic); INT64_MAX: not before one ends. */
  int (*room)(struct outlet *outlet, int64_t now, int64_t *again);
  /* Ends all pauses. */
  void (*retry)(struct outlet *outlet);
  /* Certificates and passwords may have changed: new connections read them anew, idle ones are closed. NULL: there are none. */
  void (*refresh)(struct outlet *outlet);
  /* Adds to the array. */
  void (*state)(struct outlet *outlet, GArray *hops);
  /* Closes connections idle since before `now` minus a few seconds; gives when to call again (monotonic), INT64_MAX: not needed. NULL: has none. */
  int64_t (*expire)(struct outlet *outlet, int64_t now);
  /* True: breaks every connection: sends that are running end soon, new ones are DOWN. False: it may be used again. NULL: sends end soon anyway. */
  void (*cut)(struct outlet *outlet, bool cut);
  void (*free)(struct outlet *outlet);
};

/* The head of every outlet's own struct. */
struct outlet {
  const struct outlet_ops *ops;
  char *section;   /* NAME of its section [outlet NAME]; "" for the default one; owned */
  char *name;      /* for the log: that, or "smtp 127.0.0.1:25" for the default one; owned */
  int connections; /* sends at a time at most */
};

/* What is not for a type is not looked at. */
struct outlet_options {
  const char *section;  /* NAME of [outlet NAME]; "": the default one */
  const char *type;     /* "smtp" or "maildir" */
  int connections;      /* sends at a time at most; at least 1 */
  const char *hostname; /* ours */
  const char *path;     /* maildir: made if missing */
  /* smtp */
  const char *const *hosts; /* next hops, HOST or HOST:PORT; NULL-terminated */
  int port;                 /* of those that name none */
  int max_recipients;       /* of one transaction */
  const char *const *ignore_keywords;
  enum outlet_tls { OUTLET_NO_TLS, OUTLET_STARTTLS, OUTLET_IMPLICIT_TLS } tls;
  bool tls_verify;
  const char *tls_name; /* that certificates must be for; "": each next hop's own name */
  const char *tls_ca_file, *tls_certificate, *tls_key; /* paths; "": none */
  const char *user, *password_file;                    /* "": no login */
};

/* RES_BAD: no such type, or what it needs is missing; the error names section and key. Nothing is connected or read yet. Copies what it keeps. */
enum res outlet_new(const struct outlet_options *options, struct outlet **outlet, GError **error) MUST_CHECK;
/* NULL is allowed. No call may be running. */
void outlet_free(struct outlet *outlet);
OWN_DEFINE(outlet, outlet_free)

/* As in struct outlet_ops. Any thread. */
enum outlet_result outlet_send(struct outlet *outlet, struct transmission *transmission, GError **error);
int outlet_room(struct outlet *outlet, int64_t now, int64_t *again);
void outlet_retry(struct outlet *outlet);
void outlet_refresh(struct outlet *outlet);
void outlet_state(struct outlet *outlet, GArray *hops);
int64_t outlet_expire(struct outlet *outlet, int64_t now);
void outlet_cut(struct outlet *outlet, bool cut);

/* --- for outlets --- */

/* The head of one being made. */
void outlet_init(struct outlet *outlet, const struct outlet_ops *ops, const struct outlet_options *options, const char *place);
/* How a section is named to people: "[outlet]", "[outlet NAME]"; owned by the caller. */
char *outlet_section(const char *section);
/* Log lines. `hop`: the one of several that it is about, while others are up; NULL: the outlet as a whole. `after`: microseconds. */
void outlet_tell_unreached(const struct outlet *outlet, const char *hop, const struct backoff *backoff);
void outlet_tell_reached(const struct outlet *outlet, const char *hop, int64_t after);
/* What can be said of a place by its back-off; the texts are copied. */
struct hop_state outlet_hop_state(const struct outlet *outlet, const char *name, const struct backoff *backoff);

/* The rows of the table. */
struct outlet *outlet_smtp_new(const struct outlet_options *options, GError **error);
struct outlet *outlet_maildir_new(const struct outlet_options *options, GError **error);
