#pragma once
/* What has come in, as stored. All inside a store_fn unless said otherwise. */
#include "envelope/role.h"
#include "list/list.h"

enum posting_state {
  POSTING_ACCEPTED,
  POSTING_HELD,
  POSTING_DISCARDED, /* by a moderator, by expiry, or for room */
  POSTING_REJECTED,  /* by a moderator */
  POSTING_KEPT,      /* taken for a role address; a job waits */
};
#define POSTING_STATES (POSTING_KEPT + 1)

struct posting {
  int64_t id, list_id, domain_id, message_id, number, received_at, decided_at; /* list_id 0: mail to a domain; decided_at 0: not yet */
  char *code; /* its id as shown */
  enum role role;
  enum posting_state state;
  char *address, *argument, *reverse_path, *sender, *subject, *rule, *reason, *peer, *xforward;
  bool proven, smtputf8, smtp; /* smtp: it came over SMTP, not LMTP */
  struct slice repeat_key; /* borrowed, for posting_insert alone: queue/repeat.h; empty: none */
};
void posting_free(struct posting *posting);
OWN_DEFINE(posting, posting_free)

/* Stores all but `id` and `decided_at`, which is `received_at` unless it is held. NULL texts are "". */
enum res posting_insert(struct tx *tx, const struct posting *posting, int64_t *id, GError **error) MUST_CHECK;
/* RES_MORE: no such posting. */
enum res posting_load(struct tx *tx, int64_t id, struct posting **posting, GError **error) MUST_CHECK;
enum res posting_find(struct tx *tx, const char *code, struct posting **posting, GError **error) MUST_CHECK;
/* Stores a message of at most INCOMING_PIECE octets as accepted. */
enum res posting_store_octets(struct tx *tx, struct slice octets, int64_t now, int64_t *message_id, GError **error) MUST_CHECK;
/* The octets as accepted. RES_TEMP: trouble, or pieces are missing (an alarm is raised). */
enum res posting_octets(struct tx *tx, int64_t message_id, GBytes **octets, GError **error) MUST_CHECK;

struct posting_counts {
  struct {
    int64_t count, oldest_at;
  } states[POSTING_STATES];
};
/* How many postings are in each state, and when the oldest of them came in (0 if none). `list_id` 0: of all lists. */
enum res posting_counts(struct tx *tx, int64_t list_id, struct posting_counts *counts, GError **error) MUST_CHECK;
