#include "queue/incoming.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "queue/posting.h"
#include <string.h>

/* Octets taken from the budget for a message of unknown size. */
#define RESERVE 16384
/* Pieces taken away in one transaction. */
#define SWEEP_SLICE 16

struct incoming {
  struct store *store; /* NULL: it is never stored */
  struct budget *budget;
  int64_t taken; /* from the budget */
  char *octets;
  size_t n, capacity;
  int64_t message_id; /* 0: nothing is written yet */
  int64_t pieces;     /* written, each of INCOMING_PIECE octets */
  bool accepted;
};

enum res
incoming_new(struct store *store, struct budget *budget, int64_t size, struct incoming **incoming, GError **error)
{
  int64_t reserve = MAX(size, RESERVE);
  if (!budget_take(budget, reserve))
    return trouble(error, REPLY_FULL, "no memory left for a message of %" G_GINT64_FORMAT " octets", reserve);
  struct incoming *made = g_new0(struct incoming, 1);
  made->store = store;
  made->budget = budget;
  made->taken = reserve;
  *incoming = made;
  return RES_OK;
}

/* True: so many octets in all are taken from the budget. */
static bool
take(struct incoming *incoming, size_t octets)
{
  int64_t extra = MAX((int64_t)octets - incoming->taken, 0);
  if (!budget_take(incoming->budget, extra))
    return false;
  incoming->taken += extra;
  return true;
}

/* Room for `more` octets. What was taken from the budget is used first. */
static enum res
incoming_grow(struct incoming *incoming, size_t more, GError **error)
{
  size_t needed = incoming->n + more;
  if (needed <= incoming->capacity)
    return RES_OK;
  size_t want = MAX(MAX(needed, incoming->capacity + incoming->capacity / 2), RESERVE);
  if (needed <= (size_t)incoming->taken)
    want = MIN(want, (size_t)incoming->taken);
  if ((int64_t)want > incoming->taken && !take(incoming, want)) {
    want = needed; /* room to grow is a comfort */
    if (!take(incoming, want))
      return trouble(error, REPLY_FULL, "no memory left for a message of more than %zu octets", incoming->n);
  }
  incoming->octets = g_realloc(incoming->octets, want);
  incoming->capacity = want;
  return RES_OK;
}

static enum res
piece_insert(struct tx *tx, int64_t message_id, int64_t number, struct slice octets, GError **error)
{
  return sql_run(tx, "INSERT INTO message_piece (message_id, number, octets) VALUES ($1, $2, $3)",
                 SQL_ARGS(sql_int(message_id), sql_int(number), sql_bytes(octets)), error);
}

struct piece_write {
  const struct incoming *incoming;
  int64_t now;
  int64_t message_id; /* result */
};

static enum res
piece_write(struct tx *tx, void *arg, GError **error)
{
  struct piece_write *write = arg;
  const struct incoming *incoming = write->incoming;
  write->message_id = incoming->message_id;
  if (write->message_id == 0) {
    enum res res = sql_int_of(tx, "INSERT INTO message (size, accepted, created_at) VALUES (0, 0, $1) RETURNING id", SQL_ARGS(sql_int(write->now)),
                              &write->message_id, error);
    if (res != RES_OK)
      return res;
  }
  struct slice rest = slice_skip(incoming_octets(incoming), (size_t)incoming->pieces * INCOMING_PIECE);
  CRASH_POINT("piece-begun");
  return piece_insert(tx, write->message_id, incoming->pieces, slice_head(rest, INCOMING_PIECE), error);
}

/* Writes all whole pieces that more octets follow: a message of one piece is left to the accepting transaction. */
static enum res
incoming_write_pieces(struct incoming *incoming, GError **error)
{
  while (incoming->n > (size_t)(incoming->pieces + 1) * INCOMING_PIECE) {
    struct piece_write write = { .incoming = incoming, .now = clock_now() };
    enum res res = store_write(incoming->store, piece_write, &write, error);
    if (res != RES_OK)
      return RES_TEMP;
    incoming->message_id = write.message_id;
    incoming->pieces++;
    CRASH_POINT("piece-committed");
  }
  return RES_OK;
}

enum res
incoming_append(struct incoming *incoming, struct slice octets, GError **error)
{
  enum res res = incoming_grow(incoming, octets.n, error);
  if (res != RES_OK)
    return res;
  if (octets.n)
    memcpy(incoming->octets + incoming->n, octets.p, octets.n);
  incoming->n += octets.n;
  return incoming->store ? incoming_write_pieces(incoming, error) : RES_OK;
}

struct slice
incoming_octets(const struct incoming *incoming)
{
  return (struct slice){ incoming->octets, incoming->n };
}

enum res
incoming_store(const struct incoming *incoming, struct tx *tx, int64_t now, int64_t *message_id, GError **error)
{
  if (incoming->message_id == 0)
    return posting_store_octets(tx, incoming_octets(incoming), now, message_id, error);
  enum res res = sql_run(tx, "UPDATE message SET size = $2, accepted = 1, created_at = $3 WHERE id = $1 AND accepted = 0",
                         SQL_ARGS(sql_int(incoming->message_id), sql_int((int64_t)incoming->n), sql_int(now)), error);
  if (res != RES_OK)
    return res;
  if (sql_changes(tx) != 1)
    return trouble(error, REPLY_TROUBLE, "the pieces of message %" G_GINT64_FORMAT " are gone", incoming->message_id);
  *message_id = incoming->message_id;
  struct slice rest = slice_skip(incoming_octets(incoming), (size_t)incoming->pieces * INCOMING_PIECE);
  return piece_insert(tx, incoming->message_id, incoming->pieces, rest, error);
}

void
incoming_accepted(struct incoming *incoming)
{
  incoming->accepted = true;
}

/* --- taking away --- */

struct orphan {
  int64_t message_id;
  bool more; /* result */
};

static enum res
orphan_delete_slice(struct tx *tx, void *arg, GError **error)
{
  struct orphan *orphan = arg;
  enum res res = sql_run(tx,
                         "DELETE FROM message_piece WHERE message_id = $1 AND number IN (SELECT p.number FROM message_piece p JOIN message m ON m.id = p.message_id "
                         "WHERE p.message_id = $1 AND m.accepted = 0 ORDER BY p.number LIMIT $2)",
                         SQL_ARGS(sql_int(orphan->message_id), sql_int(SWEEP_SLICE)), error);
  orphan->more = sql_changes(tx) == SWEEP_SLICE;
  CRASH_POINT("orphan-slice-written");
  if (res != RES_OK || orphan->more)
    return res;
  return sql_run(tx, "DELETE FROM message WHERE id = $1 AND accepted = 0", SQL_ARGS(sql_int(orphan->message_id)), error);
}

static enum res
orphan_delete(struct store *store, int64_t message_id, GError **error)
{
  struct orphan orphan = { .message_id = message_id, .more = true };
  while (orphan.more) {
    enum res res = store_write(store, orphan_delete_slice, &orphan, error);
    if (res != RES_OK)
      return res;
    CRASH_POINT("orphan-slice-committed");
  }
  return RES_OK;
}

void
incoming_drop(struct incoming *incoming)
{
  if (!incoming)
    return;
  budget_give(incoming->budget, incoming->taken);
  incoming->taken = 0;
  g_clear_pointer(&incoming->octets, g_free);
  incoming->n = incoming->capacity = 0;
}

void
incoming_free(struct incoming *incoming)
{
  if (!incoming)
    return;
  g_autoptr(GError) error = NULL;
  if (incoming->message_id && !incoming->accepted && orphan_delete(incoming->store, incoming->message_id, &error) != RES_OK)
    log_warn("pieces of a message stay until the next start", log_int("message", incoming->message_id), log_err(error));
  incoming_drop(incoming);
  g_free(incoming);
}

/* 0: there is none. */
static enum res
orphan_find(struct tx *tx, void *arg, GError **error)
{
  int64_t *message_id = arg;
  *message_id = 0;
  enum res res = sql_int_of(tx, "SELECT id FROM message WHERE accepted = 0 ORDER BY created_at LIMIT 1", SQL_NO_ARGS, message_id, error);
  return res == RES_MORE ? RES_OK : res;
}

enum res
incoming_sweep(struct store *store, GError **error)
{
  for (;;) {
    int64_t message_id;
    enum res res = store_read(store, orphan_find, &message_id, error);
    if (res != RES_OK || message_id == 0)
      return res;
    res = orphan_delete(store, message_id, error);
    if (res != RES_OK)
      return res;
    CRASH_POINT("orphan-swept");
    log_note("pieces of a message that never arrived whole are swept", log_int("message", message_id));
  }
}
