#pragma once
/* From a whole message and its recipients to replies: judges for each list, stores what is kept in one transaction (for each 50 lists), and
 * says what to answer.
 * Used by every door. */
#include "base/budget.h"
#include "list/list_index.h"
#include "queue/incoming.h"
#include "verdict/door_policy.h"

struct intake_options {
  enum unproven_policy unproven;
  const char *const *auth_trusted;       /* [auth] trusted; NULL: none */
  const char *const *auth_local_domains; /* [auth] local_domains; NULL: none */
  const char *site_owner;                /* "" or NULL if none */
  const char *hostname;
  int64_t dedupe_window; /* microseconds */
};

struct intake_message {
  struct incoming *incoming;
  const char *reverse_path;
  bool smtputf8;
  enum door_kind door;
  bool trusted_peer;
  const char *xforward_source; /* or NULL */
  const char *xforward;        /* all of it as JSON, "" if none */
  const char *envelope_id;     /* ENVID (RFC 3461 4.4) decoded, printable ASCII; NULL if none */
  const char *peer;            /* for Received: what it called itself; NULL if nothing */
  /* The door gives one reply for all recipients (SMTP). All of them refused, and no `others`: the first one's reply, and nothing is kept. Otherwise those that would be refused are
   * treated as DESIGN 6 says for LMTP, and held where that is a refusal, too. One that cannot be stored: trouble for all. */
  bool one_reply;
  bool others; /* the message has recipients that are not ours */
  bool judge_only; /* front_judge(): nothing is kept */
  /* NULL, or: called when the verdicts are there (with one_reply: and the message is not refused), before anything is stored. Not RES_OK: nothing is stored, and all get the error's reply. */
  enum res (*pass_on)(void *ctx, GError **error);
  void *pass_on_ctx;
  int64_t key;                 /* suspect_key() of it, for the guard against crash loops */
  int64_t now;
};

struct intake_recipient {
  struct list_target *target;
  bool report_success;            /* NOTIFY=SUCCESS (RFC 3461 4.1) */
  const char *original_recipient; /* ORCPT decoded: "rfc822;bob@example.org"; NULL if none */
  enum reply reply; /* result */
  char code[17];    /* result: the id in the reply, "" if none */
  char *reason;     /* result, owned by the caller: {reason} and {detail} of the reply; "" */
};

/* Fills in every recipient's result. Whose sender asked for it, and whose posting is accepted now, gets a report (queue/success_report.h), but
 * only if the reverse-path is proven: to an unproven one it would be mail to somebody who perhaps never wrote.
 * Never fails: trouble is a result (REPLY_TROUBLE, REPLY_FULL). What gets a 2xx is durable. The same
 * list and role twice is posted once. `wake` is set if there is work for the courier. Any thread; must be called outside a store_fn. */
void intake_message(struct store *store, const struct intake_options *options, const struct intake_message *message,
                    struct intake_recipient *recipients, size_t n, bool *wake);

/* What {list} is in a reply about `target`: the posting address, or for a role the address as written. Borrowed. */
const char *intake_subject(const struct list_target *target);

/* At RCPT: what depends on recipient and SIZE alone. RES_BAD (REPLY_TOO_LARGE): SIZE exceeds the list's limit by more than 8 KiB. The
 * error's message is fit for {detail}. Pure. */
enum res intake_check_size(const struct list_target *target, int64_t size, GError **error) MUST_CHECK;
/* At RCPT in front of the queue, by the list's verdict_at_rcpt: may this reverse-path post? RES_BAD (REPLY_REFUSED): it may not: banned,
 * or (`sure`) refused by a record of its own, even if From were to name a member whose record says accept. The error's message is fit for
 * {reason}. A list that conceals its members refuses nobody there, nor does one without a sender. RES_TEMP. */
enum res intake_check_sender(struct store *store, const struct list_target *target, const char *reverse_path, GError **error) MUST_CHECK;
