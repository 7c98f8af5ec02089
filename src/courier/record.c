#include "courier/record.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "courier/bounce.h"
#include "courier/chunk.h"
#include "courier/chunk_replies.h"
#include "courier/claim_choice.h"
#include "courier/recipient.h"

static enum res
record_bounce(struct tx *tx, const struct record *record, const struct target *target, const char *reply, GError **error)
{
  if (target->member_id == 0)
    return RES_OK;
  return bounce_create(tx,
                       &(struct bounce){ .kind = BOUNCE_REFUSED,
                                         .list_id = record->claim->list_id,
                                         .member_id = target->member_id,
                                         .delivery_id = record->claim->delivery_id,
                                         .address = target->address,
                                         .at = record->now,
                                         .said = reply },
                       NULL, error);
}

static enum res
write_row(struct tx *tx, const struct record *record, const struct target *target, const struct recipient_row *row, GError **error)
{
  if (target->recipient_id != 0)
    return recipient_record(tx, target->recipient_id, row, error);
  return recipient_create(tx, record->claim->delivery_id, target, row, error);
}

/* What happened to recipient `i`; who was not answered is told why. */
static struct attempt
attempt_at(const struct record *record, size_t i)
{
  const struct transmission *mail = record->mail;
  if (mail->recipients[i].outcome == OUTCOME_PENDING)
    return (struct attempt){ .at = record->now, .via = slice_of(mail->via), .text = slice_of(record->why) };
  return attempt_of(transmission_reply_of(mail, i), record->now);
}

static enum res
record_deferred(struct tx *tx, const struct record *record, size_t i, struct record_counts *counts, GError **error)
{
  const struct target *target = targets_at(record->claim->targets, i);
  const struct attempt attempt = attempt_at(record, i);
  g_autofree char *reply = slice_dup(attempt.text), *expired = NULL;
  struct recipient_row row = { .state = RECIPIENT_WAITING, .shape = record->claim->shape, .attempts = target->attempts + 1, .now = record->now, .reply = reply,
                               .attempt = &attempt };
  row.first_at = target->attempts > 0 ? MIN(target->first_at, record->now) : record->now; /* the clock may have been set back */
  row.next_at = retry_next(record->retry, row.first_at, row.attempts, record->now);
  if (row.next_at >= 0) {
    counts->deferred++;
    return write_row(tx, record, target, &row, error);
  }
  counts->expired++;
  row.state = RECIPIENT_FAILED;
  row.next_at = 0;
  row.reply = expired = g_strdup_printf("given up after %d attempts: %s", row.attempts, reply);
  return write_row(tx, record, target, &row, error);
}

static enum res
record_failed(struct tx *tx, const struct record *record, size_t i, struct record_counts *counts, GError **error)
{
  const struct target *target = targets_at(record->claim->targets, i);
  const struct attempt attempt = attempt_at(record, i);
  const char *reply = transmission_text_of(record->mail, i);
  enum res res = write_row(tx, record, target,
                           &(struct recipient_row){ .state = RECIPIENT_FAILED,
                                                    .shape = record->claim->shape,
                                                    .attempts = target->attempts + 1,
                                                    .first_at = target->attempts > 0 ? target->first_at : record->now,
                                                    .now = record->now,
                                                    .reply = reply,
                                                    .attempt = &attempt },
                           error);
  counts->failed++;
  if (res == RES_OK && record->mail->recipients[i].outcome == OUTCOME_BOUNCED)
    res = record_bounce(tx, record, target, reply, error);
  return res;
}

/* --- recipients with rows of their own --- */

static enum res
record_settled_row(struct tx *tx, const struct record *record, size_t i, enum recipient_state state, GError **error)
{
  const struct target *target = targets_at(record->claim->targets, i);
  const struct transmission_reply *said = transmission_reply_of(record->mail, i);
  const struct attempt attempt = attempt_at(record, i);
  return recipient_record(tx, target->recipient_id,
                          &(struct recipient_row){ .state = state,
                                                   .attempts = target->attempts + (state == RECIPIENT_SENT),
                                                   .first_at = target->first_at,
                                                   .now = record->now,
                                                   .reply = said ? said->text : "it stands in To or Cc, and wants one copy only",
                                                   .attempt = state == RECIPIENT_SENT ? &attempt : NULL },
                          error);
}

static enum res
record_recipient(struct tx *tx, const struct record *record, size_t i, struct record_counts *counts, GError **error)
{
  switch (record->mail->recipients[i].outcome) {
  case OUTCOME_SENT:
    counts->sent++;
    return record_settled_row(tx, record, i, RECIPIENT_SENT, error);
  case OUTCOME_SKIPPED:
    counts->skipped++;
    return record_settled_row(tx, record, i, RECIPIENT_LEFT, error);
  case OUTCOME_DEFERRED:
    return record_deferred(tx, record, i, counts, error);
  case OUTCOME_FAILED:
  case OUTCOME_BOUNCED:
    return record_failed(tx, record, i, counts, error);
  case OUTCOME_PENDING:
    break;
  }
  if (record->result == OUTLET_BROKEN)
    return record_deferred(tx, record, i, counts, error);
  counts->again++;
  return recipient_release(tx, targets_at(record->claim->targets, i)->recipient_id, error);
}

static enum res
record_recipients(struct tx *tx, const struct record *record, struct record_counts *counts, GError **error)
{
  enum res res = RES_OK;
  for (size_t i = 0; i < record->mail->n && res == RES_OK; i++)
    res = record_recipient(tx, record, i, counts, error);
  return res;
}

/* --- a chunk --- */

/* The members with that outcome, in order; owned by the caller. */
static int64_t *
members_with(const struct record *record, enum outcome outcome, size_t *n)
{
  int64_t *members = g_new(int64_t, record->mail->n);
  *n = 0;
  for (size_t i = 0; i < record->mail->n; i++)
    if (record->mail->recipients[i].outcome == outcome)
      members[(*n)++] = targets_at(record->claim->targets, i)->member_id;
  return members;
}

/* Rows for those who were refused, and, if the chunk is given up, for those nobody answered for. */
static enum res
record_exceptions(struct tx *tx, const struct record *record, bool give_up, struct record_counts *counts, GError **error)
{
  enum res res = RES_OK;
  for (size_t i = 0; i < record->mail->n && res == RES_OK; i++) {
    enum outcome outcome = record->mail->recipients[i].outcome;
    if (outcome == OUTCOME_DEFERRED || (outcome == OUTCOME_PENDING && give_up))
      res = record_deferred(tx, record, i, counts, error);
    else if (outcome == OUTCOME_FAILED || outcome == OUTCOME_BOUNCED)
      res = record_failed(tx, record, i, counts, error);
  }
  return res;
}

/* Those nobody answered for stay together: in this chunk if they are all of it, else in one of their own. */
static enum res
record_pending(struct tx *tx, const struct record *record, const int64_t *pending, size_t n, GError **error)
{
  const struct claim *claim = record->claim;
  bool broken = record->result == OUTLET_BROKEN, all = n == record->mail->n;
  int attempts = all ? claim->attempts + broken : 0;
  int64_t not_before = broken ? record->now + retry_pause(RECORD_BREAK_FIRST, RECORD_BREAK_LAST, MAX(attempts, 1)) : 0;
  g_autofree char *replies = broken ? chunk_replies_broken(record->mail->via, record->why, record->now) : g_strdup("");
  if (all)
    return chunk_release(tx, claim->chunk_id,
                         &(struct chunk_again){ .members = pending, .n = n, .attempts = attempts, .not_before = not_before, .replies = replies }, error);
  return chunk_create(tx,
                      &(struct chunk_new){ .delivery_id = claim->delivery_id,
                                           .state = CHUNK_WAITING,
                                           .shape = claim->shape,
                                           .attempts = attempts,
                                           .not_before = not_before,
                                           .now = record->now,
                                           .members = pending,
                                           .n = n,
                                           .replies = replies },
                      NULL, error);
}

static enum res
finish_chunk(struct tx *tx, const struct record *record, struct record_counts *counts, GError **error)
{
  const struct transmission *mail = record->mail;
  size_t sent;
  g_autofree int64_t *members = members_with(record, OUTCOME_SENT, &sent);
  g_autofree char *passed = chunk_replies_not_sent(mail, record->claim->targets), *said = chunk_replies_sent(mail);
  g_autofree char *replies = g_strconcat(passed, said, NULL);
  counts->sent += (int64_t)sent;
  for (size_t i = 0; i < mail->n; i++)
    counts->skipped += mail->recipients[i].outcome == OUTCOME_SKIPPED;
  return chunk_finish(tx, record->claim->chunk_id, members, sent, replies, record->now, error);
}

static enum res
record_chunk(struct tx *tx, const struct record *record, struct record_counts *counts, GError **error)
{
  size_t n;
  g_autofree int64_t *pending = members_with(record, OUTCOME_PENDING, &n);
  bool give_up = record->result == OUTLET_BROKEN && n == record->mail->n && record->claim->attempts + 1 >= RECORD_BREAKS_MAX;
  enum res res = record_exceptions(tx, record, give_up, counts, error);
  if (res == RES_OK && n > 0 && !give_up) {
    counts->again += (int64_t)n;
    res = record_pending(tx, record, pending, n, error);
  }
  if (res == RES_OK && (n < record->mail->n || give_up))
    res = finish_chunk(tx, record, counts, error);
  return res;
}

/* --- the whole --- */

static enum res
record_delivery(struct tx *tx, const struct record *record, GError **error)
{
  int64_t id = record->claim->delivery_id;
  enum res res = claim_finish_delivery(tx, id, record->now, error);
  if (res != RES_OK || sql_changes(tx) > 0)
    return res;
  res = sql_run(tx, "UPDATE delivery SET strikes = 0, due_at = " CLAIM_DUE_AT " WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  if (res == RES_OK && record->header.n > 0)
    res = sql_run(tx, "UPDATE delivery SET header = $2 WHERE id = $1 AND header IS NULL AND state = 0", SQL_ARGS(sql_int(id), sql_bytes(record->header)), error);
  CRASH_POINT_IF(record->header.n > 0, "header-written");
  return res;
}

enum res
record_outcomes(struct tx *tx, const struct record *record, struct record_counts *counts, GError **error)
{
  *counts = (struct record_counts){ .sent = 0 };
  CRASH_POISON_IF(record->mail->as_is, "record", record->mail->as_is->header);
  enum res res = record->claim->chunk_id ? record_chunk(tx, record, counts, error) : record_recipients(tx, record, counts, error);
  return res == RES_OK ? record_delivery(tx, record, error) : res;
}
