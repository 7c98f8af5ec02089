#include "courier/claim.h"
#include "base/log.h"
#include "courier/chunk.h"
#include "courier/chunk_replies.h"
#include "courier/recipient.h"
#include "courier/roster.h"
#include "envelope/address.h"

/* Pieces that turn out empty (all members in digest mode, all recipients gone) before the writer is given back. */
#define EMPTY_MAX 4

void
claim_free(struct claim *claim)
{
  if (claim == NULL)
    return;
  g_free(claim->code);
  g_free(claim->reverse_path);
  if (claim->targets)
    g_array_unref(claim->targets);
  g_free(claim);
}

/* --- which delivery --- */

/* Where work can lie. Each query gives the best candidate of its kind: delivery, when it was last served, and the chunk if it is one. The
 * terms on `state` repeat those of the partial indexes, word for word. $1: now, $2 and $3: least and most strikes. */
static const char waiting_chunk_sql[] =
  "SELECT delivery.id, delivery.served_at, chunk.id FROM chunk JOIN delivery ON delivery.id = chunk.delivery_id "
  "WHERE chunk.state <> 2 AND chunk.state = 0 AND chunk.not_before <= $1 "
  "AND delivery.state = 0 AND delivery.strikes >= $2 AND delivery.strikes <= $3 ORDER BY delivery.served_at LIMIT 1";
static const char due_recipient_sql[] =
  "SELECT delivery.id, delivery.served_at, 0 FROM recipient JOIN delivery ON delivery.id = recipient.delivery_id "
  "WHERE recipient.state <= 1 AND recipient.state = 0 AND recipient.next_at <= $1 "
  "AND delivery.state = 0 AND delivery.strikes >= $2 AND delivery.strikes <= $3 ORDER BY recipient.next_at LIMIT 1";
static const char roster_sql[] =
  "SELECT id, served_at, 0 FROM delivery "
  "WHERE state = 0 AND roster = 1 AND (cursor < last_join OR served_at = 0) AND $1 > 0 AND strikes >= $2 AND strikes <= $3 "
  "ORDER BY served_at LIMIT 1";

enum kind { KIND_CHUNK, KIND_RECIPIENTS, KIND_ROSTER, KIND_COUNT };

static const char *const candidate_sql[KIND_COUNT] = {
  [KIND_CHUNK] = waiting_chunk_sql,
  [KIND_RECIPIENTS] = due_recipient_sql,
  [KIND_ROSTER] = roster_sql,
};

struct candidate {
  enum kind kind;
  int64_t delivery_id, served_at, chunk_id;
};

/* Fewest and most strikes of the deliveries that are asked for. */
static void
strikes_wanted(const struct claim_options *options, int64_t *least, int64_t *most)
{
  *least = options->suspects ? STRIKES_ALONE : 0;
  *most = options->suspects ? INT64_MAX : STRIKES_ALONE - 1;
}

static enum res
earliest(struct tx *tx, const char *sql, const struct claim_options *options, int64_t *next_at, GError **error)
{
  int64_t at, least, most;
  strikes_wanted(options, &least, &most);
  enum res res = sql_int_of(tx, sql, SQL_ARGS(sql_int(least), sql_int(most)), &at, error);
  if (res == RES_OK)
    *next_at = MIN(*next_at, at);
  return res == RES_MORE ? RES_OK : res;
}

/* When something that waits will be due, of the deliveries that are asked for. */
static enum res
find_next_at(struct tx *tx, const struct claim_options *options, int64_t *next_at, GError **error)
{
  *next_at = INT64_MAX;
  enum res res = earliest(tx,
                          "SELECT chunk.not_before FROM chunk JOIN delivery ON delivery.id = chunk.delivery_id "
                          "WHERE chunk.state <> 2 AND chunk.state = 0 AND delivery.state = 0 AND delivery.strikes >= $1 AND delivery.strikes <= $2 "
                          "ORDER BY chunk.not_before LIMIT 1",
                          options, next_at, error);
  if (res == RES_OK)
    res = earliest(tx,
                   "SELECT recipient.next_at FROM recipient JOIN delivery ON delivery.id = recipient.delivery_id "
                   "WHERE recipient.state <= 1 AND recipient.state = 0 AND delivery.state = 0 AND delivery.strikes >= $1 AND delivery.strikes <= $2 "
                   "ORDER BY recipient.next_at LIMIT 1",
                   options, next_at, error);
  return res;
}

/* RES_MORE: nothing is due. */
static enum res
choose(struct tx *tx, const struct claim_options *options, struct candidate *best, GError **error)
{
  bool found = false;
  int64_t least, most;
  strikes_wanted(options, &least, &most);
  for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
    OWN(rows) rows = NULL;
    enum res res = sql_query(tx, candidate_sql[kind], SQL_ARGS(sql_int(options->now), sql_int(least), sql_int(most)), &rows, error);
    if (res == RES_OK)
      res = rows_next(rows, error);
    if (res == RES_MORE)
      continue;
    if (res != RES_OK)
      return res;
    if (!found || row_int(rows, 1) < best->served_at)
      *best = (struct candidate){ .kind = kind, .delivery_id = row_int(rows, 0), .served_at = row_int(rows, 1), .chunk_id = row_int(rows, 2) };
    found = true;
  }
  return found ? RES_OK : RES_MORE;
}

/* --- what of it --- */

struct head {
  int64_t cursor, last_join;
  bool removed;   /* the list is gone */
  char *author;   /* folded address, or NULL */
};

static void
head_clear(struct head *head)
{
  g_free(head->author);
}

static enum res
load_head(struct tx *tx, int64_t delivery_id, struct claim *claim, struct head *head, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "SELECT delivery.posting_id, delivery.list_id, delivery.reverse_path, delivery.cursor, delivery.last_join, posting.code, posting.sender, "
                           "list.removed_at FROM delivery JOIN posting ON posting.id = delivery.posting_id LEFT JOIN list ON list.id = delivery.list_id "
                           "WHERE delivery.id = $1",
                           SQL_ARGS(sql_int(delivery_id)), &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res != RES_OK)
    return res == RES_MORE ? trouble(error, REPLY_TROUBLE, "a delivery without a posting") : res;
  claim->delivery_id = delivery_id;
  claim->posting_id = row_int(rows, 0);
  claim->list_id = row_int(rows, 1);
  claim->reverse_path = g_strdup(row_text(rows, 2));
  claim->code = g_strdup(row_text(rows, 5));
  *head = (struct head){ .cursor = row_int(rows, 3), .last_join = row_int(rows, 4), .removed = !row_is_null(rows, 7),
                         .author = address_key_of(slice_of(row_text(rows, 6))) };
  return RES_OK;
}

static enum res
create_chunk(struct tx *tx, struct claim *claim, const struct roster_skips *skips, int64_t now, GError **error)
{
  g_autofree char *replies = chunk_replies_skipped(skips, 0);
  g_autofree int64_t *members = g_new(int64_t, claim->targets->len);
  for (guint i = 0; i < claim->targets->len; i++)
    members[i] = targets_at(claim->targets, i)->member_id;
  bool empty = claim->targets->len == 0;
  if (empty && replies[0] == '\0')
    return RES_OK;
  return chunk_create(tx,
                      &(struct chunk_new){ .delivery_id = claim->delivery_id,
                                           .state = empty ? CHUNK_DONE : CHUNK_CLAIMED,
                                           .now = now,
                                           .members = members,
                                           .n = claim->targets->len,
                                           .replies = replies },
                      &claim->chunk_id, error);
}

static enum res
take_roster(struct tx *tx, const struct claim_options *options, struct claim *claim, const struct head *head, GError **error)
{
  struct roster_skips skips = { .digest = 0 };
  int64_t cursor = head->last_join;
  enum res res = RES_OK;
  if (!head->removed)
    res = roster_take(tx,
                      &(struct roster_query){ .list_id = claim->list_id,
                                              .after = head->cursor,
                                              .last = head->last_join,
                                              .author = head->author,
                                              .wanted = options->chunk_size },
                      claim->targets, &skips, &cursor, error);
  if (res == RES_OK)
    res = create_chunk(tx, claim, &skips, options->now, error);
  if (res == RES_OK)
    res = sql_run(tx, "UPDATE delivery SET cursor = $2 WHERE id = $1", SQL_ARGS(sql_int(claim->delivery_id), sql_int(cursor)), error);
  return res;
}

static enum res
take_chunk(struct tx *tx, const struct claim_options *options, struct claim *claim, int64_t chunk_id, GError **error)
{
  bool lost;
  claim->chunk_id = chunk_id;
  enum res res = chunk_claim(tx, chunk_id, options->now, claim->targets, &claim->attempts, &lost, error);
  if (res != RES_OK)
    return res;
  if (lost)
    log_alarm("a chunk cannot be read: its members are not sent to", log_str("post", claim->code), log_int("chunk", chunk_id));
  return claim->targets->len > 0 ? RES_OK : chunk_finish(tx, chunk_id, NULL, 0, "", options->now, error);
}

static enum res
take(struct tx *tx, const struct claim_options *options, const struct candidate *from, struct claim *claim, GError **error)
{
  struct head head = { .author = NULL };
  enum res res = load_head(tx, from->delivery_id, claim, &head, error);
  if (res == RES_OK)
    switch (from->kind) {
    case KIND_ROSTER:
      res = take_roster(tx, options, claim, &head, error);
      break;
    case KIND_CHUNK:
      res = take_chunk(tx, options, claim, from->chunk_id, error);
      break;
    default:
      res = recipient_claim_due(tx, from->delivery_id, options->now, options->chunk_size, claim->targets, error);
    }
  head_clear(&head);
  if (res == RES_OK)
    res = sql_run(tx, "UPDATE delivery SET served_at = $2 WHERE id = $1", SQL_ARGS(sql_int(from->delivery_id), sql_int(options->now)), error);
  if (res == RES_OK && claim->targets->len == 0)
    res = claim_finish_delivery(tx, from->delivery_id, options->now, error);
  return res;
}

enum res
claim_next(struct tx *tx, const struct claim_options *options, struct claim **claim, int64_t *next_at, GError **error)
{
  *claim = NULL;
  *next_at = options->now;
  for (int i = 0; i < EMPTY_MAX; i++) {
    struct candidate from = { .delivery_id = 0 };
    enum res res = choose(tx, options, &from, error);
    if (res == RES_MORE)
      return find_next_at(tx, options, next_at, error);
    OWN(claim) made = g_new0(struct claim, 1);
    made->targets = targets_new();
    if (res == RES_OK)
      res = take(tx, options, &from, made, error);
    if (res != RES_OK)
      return res;
    if (made->targets->len > 0) {
      *claim = OWN_GIVE(made);
      return RES_OK;
    }
  }
  return RES_OK;
}

enum res
claim_finish_delivery(struct tx *tx, int64_t delivery_id, int64_t now, GError **error)
{
  return sql_run(tx,
                 "UPDATE delivery SET state = 2, done_at = $2, header = NULL WHERE id = $1 AND state = 0 AND cursor >= last_join "
                 "AND NOT EXISTS (SELECT 1 FROM chunk WHERE chunk.delivery_id = $1 AND chunk.state < 2) "
                 "AND NOT EXISTS (SELECT 1 FROM recipient WHERE recipient.delivery_id = $1 AND recipient.state <= 1)",
                 SQL_ARGS(sql_int(delivery_id), sql_int(now)), error);
}
