#pragma once
/* Recipients with a row of their own: those refused, and addresses that are on no roster. All inside a store_fn. */
#include "courier/attempts.h"
#include "courier/target.h"
#include "store/store.h"

enum recipient_state {
  RECIPIENT_WAITING,
  RECIPIENT_CLAIMED,
  RECIPIENT_SENT,
  RECIPIENT_FAILED,
  RECIPIENT_LEFT, /* left the list, or switched its delivery off, before it could be sent to; or got no copy for the reason that is its reply */
};

/* Takes a delivery's waiting ones whose time has come, those due for longest first, all of one shape, that of the first: it is told, and up to limits[shape] are
 * taken. Those who have left the list meanwhile are done with, and so are all if it was removed. */
enum res recipient_claim_due(struct tx *tx, int64_t delivery_id, int64_t now, const size_t limits[2], enum shape *shape, GArray *targets,
                             GError **error) MUST_CHECK;

struct recipient_row {
  enum recipient_state state;
  enum shape shape; /* of the copies it gets; set when the row is made */
  int attempts;
  int64_t next_at;  /* RECIPIENT_WAITING */
  int64_t first_at; /* of the first refusal */
  int64_t now;
  const char *reply;
  const struct attempt *attempt; /* added to its history; NULL: none was made */
};
/* A row for a target that has none. */
enum res recipient_create(struct tx *tx, int64_t delivery_id, const struct target *target, const struct recipient_row *row, GError **error) MUST_CHECK;
/* What became of one that was claimed. */
enum res recipient_record(struct tx *tx, int64_t id, const struct recipient_row *row, GError **error) MUST_CHECK;
/* Claimed ones wait again, as if they had not been claimed. */
enum res recipient_release(struct tx *tx, int64_t id, GError **error) MUST_CHECK;
