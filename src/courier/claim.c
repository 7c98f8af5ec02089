#include "courier/claim.h"
#include "base/crash_point.h"
#include "base/in_hand.h"
#include "base/log.h"
#include "courier/chunk.h"
#include "courier/chunk_replies.h"
#include "courier/claim_choice.h"
#include "courier/recipient.h"
#include "courier/roster.h"
#include "envelope/address.h"
#include "list/tag_key.h"

/* Pieces that turn out empty (all members in digest mode, all recipients gone) before the writer is given back. */
#define EMPTY_MAX 4

void
claim_free(struct claim *claim)
{
  if (claim == NULL)
    return;
  g_free(claim->code);
  g_free(claim->reverse_path);
  g_free(claim->outlet);
  if (claim->targets)
    g_array_unref(claim->targets);
  parcel_source_free(claim->source);
  g_free(claim);
}

/* --- what of it --- */

struct head {
  int64_t cursor; /* set anew by the claim */
  int64_t last_join;
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
                           "list.removed_at, delivery.outlet, message.size FROM delivery JOIN posting ON posting.id = delivery.posting_id "
                           "JOIN message ON message.id = posting.message_id LEFT JOIN list ON list.id = delivery.list_id "
                           "WHERE delivery.id = $1",
                           SQL_ARGS(sql_int(delivery_id)), &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res != RES_OK)
    return res == RES_MORE ? trouble(error, REPLY_TROUBLE, "a delivery without a posting") : res;
  CRASH_POISON("claim", slice_of(row_text(rows, 6)));
  claim->delivery_id = delivery_id;
  claim->posting_id = row_int(rows, 0);
  claim->list_id = row_int(rows, 1);
  claim->reverse_path = g_strdup(row_text(rows, 2));
  claim->code = g_strdup(row_text(rows, 5));
  claim->outlet = g_strdup(row_text(rows, 8));
  claim->size = row_int(rows, 9);
  *head = (struct head){ .cursor = row_int(rows, 3), .last_join = row_int(rows, 4), .removed = !row_is_null(rows, 7),
                         .author = address_key_of(slice_of(row_text(rows, 6))) };
  return RES_OK;
}

/* Owned by the caller. */
static int64_t *
member_ids(const GArray *targets, guint from, guint n)
{
  int64_t *ids = g_new(int64_t, n);
  for (guint i = 0; i < n; i++)
    ids[i] = targets_at(targets, from + i)->member_id;
  return ids;
}

static enum res
create_chunk(struct tx *tx, struct claim *claim, const struct roster_skips *skips, int64_t now, GError **error)
{
  g_autofree char *replies = chunk_replies_skipped(skips, 0);
  g_autofree int64_t *members = member_ids(claim->targets, 0, claim->targets->len);
  bool empty = claim->targets->len == 0;
  if (empty && replies[0] == '\0')
    return RES_OK;
  return chunk_create(tx,
                      &(struct chunk_new){ .delivery_id = claim->delivery_id,
                                           .state = empty ? CHUNK_DONE : CHUNK_CLAIMED,
                                           .shape = claim->shape,
                                           .now = now,
                                           .members = members,
                                           .n = claim->targets->len,
                                           .replies = replies },
                      &claim->chunk_id, error);
}

/* Those for whom this claim has the wrong shape wait in chunks of their own. */
static enum res
put_aside(struct tx *tx, const struct claim *claim, const GArray *targets, enum shape shape, size_t limit, int64_t now, GError **error)
{
  enum res res = RES_OK;
  for (guint from = 0; from < targets->len && res == RES_OK; from += (guint)limit) {
    guint n = MIN((guint)limit, targets->len - from);
    g_autofree int64_t *members = member_ids(targets, from, n);
    res = chunk_create(
      tx,
      &(struct chunk_new){ .delivery_id = claim->delivery_id, .state = CHUNK_WAITING, .shape = shape, .now = now, .members = members, .n = n, .replies = "" },
      NULL, error);
  }
  return res;
}

/* Targets of a claim of that shape at most. */
static size_t
limit_of(const struct claim_options *options, enum shape shape)
{
  return shape == SHAPE_PERSONAL ? MIN(options->chunk_size, CLAIM_PERSONAL_MAX) : options->chunk_size;
}

/* True: these are all that a delivery goes to. */
static bool
is_whole(const struct head *head, const struct roster_found *found)
{
  return head->cursor == 0 && found->cursor >= head->last_join && found->targets[!found->shape]->len == 0 && found->targets[found->shape]->len > 0;
}

static enum res
find_members(struct tx *tx, const struct claim_options *options, struct claim *claim, const struct head *head, struct roster_found *found, GError **error)
{
  struct shape_choice choice = { .list_id = 0 };
  enum res res = shape_choice_load(tx, claim->list_id, options->personal_domains, options->now, &choice, error);
  if (res == RES_OK)
    res = roster_take(tx,
                      &(struct roster_query){ .list_id = claim->list_id,
                                              .after = head->cursor,
                                              .last = head->last_join,
                                              .author = head->author,
                                              .choice = &choice,
                                              .wanted = { limit_of(options, SHAPE_BATCH), limit_of(options, SHAPE_PERSONAL) } },
                      found, error);
  if (res == RES_OK && choice.list && is_whole(head, found) && claim->size <= CLAIM_READ_ALONG_MAX)
    claim->source = parcel_source_read(tx, claim->delivery_id, claim->posting_id, choice.list);
  shape_choice_clear(&choice);
  return res;
}

static enum res
take_roster(struct tx *tx, const struct claim_options *options, struct claim *claim, struct head *head, GError **error)
{
  struct roster_found found = { .cursor = head->last_join };
  enum res res = head->removed ? RES_OK : find_members(tx, options, claim, head, &found, error);
  if (res == RES_OK && found.targets[found.shape]) {
    enum shape other = found.shape == SHAPE_BATCH ? SHAPE_PERSONAL : SHAPE_BATCH;
    claim->shape = found.shape;
    g_array_unref(claim->targets);
    claim->targets = g_steal_pointer(&found.targets[found.shape]);
    res = put_aside(tx, claim, found.targets[other], other, limit_of(options, other), options->now, error);
  }
  if (res == RES_OK)
    res = create_chunk(tx, claim, &found.skips, options->now, error);
  head->cursor = found.cursor;
  roster_found_clear(&found);
  return res;
}

static enum res
take_chunk(struct tx *tx, const struct claim_options *options, struct claim *claim, GError **error)
{
  bool lost;
  enum res res = chunk_claim(tx, claim->chunk_id, options->now, claim->targets, &claim->shape, &claim->attempts, &lost, error);
  if (res != RES_OK)
    return res;
  if (lost)
    log_alarm("a chunk cannot be read: its members are not sent to", log_str("post", claim->code), log_int("chunk", claim->chunk_id));
  return claim->targets->len > 0 ? RES_OK : chunk_finish(tx, claim->chunk_id, NULL, 0, "", options->now, error);
}

/* Chunks first: they hold those who have waited longest for their first copy. */
static enum res
take_waiting(struct tx *tx, const struct claim_options *options, struct claim *claim, GError **error)
{
  const size_t limits[] = { [SHAPE_BATCH] = limit_of(options, SHAPE_BATCH), [SHAPE_PERSONAL] = limit_of(options, SHAPE_PERSONAL) };
  enum res res = chunk_due(tx, claim->delivery_id, options->now, &claim->chunk_id, error);
  if (res == RES_OK)
    return take_chunk(tx, options, claim, error);
  return res == RES_MORE ? recipient_claim_due(tx, claim->delivery_id, options->now, limits, &claim->shape, claim->targets, error) : res;
}

static enum res
take(struct tx *tx, const struct claim_options *options, const struct claim_candidate *from, struct claim *claim, GError **error)
{
  struct head head = { .author = NULL };
  enum res res = load_head(tx, from->delivery_id, claim, &head, error);
  if (res == RES_OK && claim->list_id != 0)
    res = tag_key_newest(tx, options->now, &claim->key, error);
  if (res == RES_OK)
    res = from->kind == CLAIM_ROSTER ? take_roster(tx, options, claim, &head, error) : take_waiting(tx, options, claim, error);
  head_clear(&head);
  CRASH_POINT_IF(res == RES_OK && from->kind == CLAIM_ROSTER, "claim-roster-written");
  CRASH_POINT_IF(res == RES_OK && from->kind == CLAIM_WAITING, "claim-again-written");
  if (res == RES_OK)
    res = sql_run(tx, "UPDATE delivery SET served_at = $2, cursor = $3, due_at = " CLAIM_DUE_AT " WHERE id = $1",
                  SQL_ARGS(sql_int(from->delivery_id), sql_int(options->now), sql_int(head.cursor)), error);
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
    struct claim_candidate from = { .delivery_id = 0 };
    enum res res = claim_choose(tx, options, &from, error);
    if (res == RES_MORE)
      return claim_next_at(tx, options, next_at, error);
    OWN(claim) made = g_new0(struct claim, 1);
    made->targets = targets_new();
    int slot = in_hand_take(IN_HAND_DELIVERY, from.delivery_id);
    if (res == RES_OK)
      res = take(tx, options, &from, made, error);
    in_hand_give(slot);
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
                 "UPDATE delivery SET state = 2, done_at = $2, header = NULL, strikes = 0, due_at = NULL WHERE id = $1 AND state = 0 AND cursor >= last_join "
                 "AND NOT EXISTS (SELECT 1 FROM chunk WHERE chunk.delivery_id = $1 AND chunk.state < 2) "
                 "AND NOT EXISTS (SELECT 1 FROM recipient WHERE recipient.delivery_id = $1 AND recipient.state <= 1)",
                 SQL_ARGS(sql_int(delivery_id), sql_int(now)), error);
}
