#pragma once
/* The delivery status notification of a posting that was accepted, for a sender who asked for one: NOTIFY=SUCCESS (RFC 3461). A list takes
 * final delivery (5.2.7.1), and since we offer DSN nobody else tells the sender. There is no report of failure: a refusal is the reply to
 * the MTA that handed the message in. */
#include "message/header.h"
#include "store/store.h"

/* Octets of the original's header in a report at most; whole fields from the top, but for those with lines of over 998. */
#define SUCCESS_REPORT_HEADER_MAX (64 * 1024)
/* Recipients of one report at most. */
#define SUCCESS_REPORT_RECIPIENTS_MAX 50

struct success_report_recipient {
  const char *original; /* ORCPT decoded: "rfc822;bob@example.org", no controls; NULL if there was none */
  const char *final;    /* the list's address as the MTA wrote it */
};

struct success_report {
  const char *to;          /* the reverse-path; not the null one */
  const char *list;        /* posting address */
  const char *owner;       /* the list's -owner: who answers for it */
  const char *hostname;    /* ours */
  const char *envelope_id; /* ENVID decoded, printable ASCII; NULL if there was none */
  const struct header_view *header; /* of the original; NULL if it could not be viewed */
  const struct success_report_recipient *recipients;
  size_t n;
  int64_t at; /* when it was accepted */
  bool smtputf8;
};

/* The whole message (RFC 3464): a word for people, the status, the original's header, whatever RET said (RFC 3461 4.3). `code`, random letters, is
 * in its Message-ID and boundary. Pure. Owned by the caller. */
GBytes *success_report_compose(const struct success_report *report, const char *code);
/* Stores it with a delivery to report->to, from the null reverse-path. Inside a store_fn. */
enum res success_report_send(struct tx *tx, const struct success_report *report, int64_t domain_id, GError **error) MUST_CHECK;
