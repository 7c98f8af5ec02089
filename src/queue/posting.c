#include "queue/posting.h"
#include "base/log.h"
#include "queue/posting_row.h"

void
posting_free(struct posting *posting)
{
  if (!posting)
    return;
  g_free(posting->code);
  g_free(posting->address);
  g_free(posting->argument);
  g_free(posting->reverse_path);
  g_free(posting->sender);
  g_free(posting->subject);
  g_free(posting->rule);
  g_free(posting->reason);
  g_free(posting->peer);
  g_free(posting->xforward);
  g_free(posting);
}

struct posting *
posting_read(struct rows *rows)
{
  struct posting *posting = g_new(struct posting, 1);
  *posting = (struct posting){
    .id = row_int(rows, 0),
    .code = g_strdup(row_text(rows, 1)),
    .list_id = row_int(rows, 2),
    .domain_id = row_int(rows, 3),
    .role = (enum role)row_int(rows, 4),
    .address = g_strdup(row_text(rows, 5)),
    .argument = g_strdup(row_text(rows, 6)),
    .message_id = row_int(rows, 7),
    .state = (enum posting_state)row_int(rows, 8),
    .number = row_int(rows, 9),
    .reverse_path = g_strdup(row_text(rows, 10)),
    .sender = g_strdup(row_text(rows, 11)),
    .subject = g_strdup(row_text(rows, 12)),
    .rule = g_strdup(row_text(rows, 13)),
    .reason = g_strdup(row_text(rows, 14)),
    .proven = row_int(rows, 15) != 0,
    .smtputf8 = row_int(rows, 16) != 0,
    .peer = g_strdup(row_text(rows, 17)),
    .xforward = g_strdup(row_text(rows, 18)),
    .received_at = row_int(rows, 19),
    .decided_at = row_int(rows, 20),
    .smtp = row_int(rows, 21) != 0,
  };
  return posting;
}

static struct sql_value
text(const char *value)
{
  return sql_text(value ? value : "");
}

enum res
posting_insert(struct tx *tx, const struct posting *p, int64_t *id, GError **error)
{
  bool held = p->state == POSTING_HELD;
  return sql_int_of(tx,
                    "INSERT INTO posting (code, list_id, domain_id, role, address, argument, message_id, state, number, reverse_path, sender, subject, rule, reason, "
                    "proven, smtputf8, peer, xforward, received_at, decided_at, held_at, repeat_key, smtp) "
                    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23) RETURNING id",
                    SQL_ARGS(text(p->code), sql_int(p->list_id), sql_int(p->domain_id), sql_int(p->role), text(p->address), text(p->argument),
                             sql_int(p->message_id), sql_int(p->state), sql_int(p->number), text(p->reverse_path), text(p->sender), text(p->subject),
                             text(p->rule), text(p->reason), sql_int(p->proven), sql_int(p->smtputf8), text(p->peer), text(p->xforward),
                             sql_int(p->received_at), held ? sql_null() : sql_int(p->received_at), held ? sql_int(p->received_at) : sql_null(),
                             p->repeat_key.n ? sql_bytes(p->repeat_key) : sql_null(), sql_int(p->smtp)),
                    id, error);
}

static enum res
posting_of(struct tx *tx, const char *sql, struct sql_args args, struct posting **posting, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, sql, args, &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res == RES_OK)
    *posting = posting_read(rows);
  return res;
}

enum res
posting_load(struct tx *tx, int64_t id, struct posting **posting, GError **error)
{
  return posting_of(tx, "SELECT " POSTING_COLUMNS " FROM posting WHERE id = $1", SQL_ARGS(sql_int(id)), posting, error);
}

enum res
posting_find(struct tx *tx, const char *code, struct posting **posting, GError **error)
{
  return posting_of(tx, "SELECT " POSTING_COLUMNS " FROM posting WHERE code = $1", SQL_ARGS(sql_text(code)), posting, error);
}

/* --- octets --- */

enum res
posting_store_octets(struct tx *tx, struct slice octets, int64_t now, int64_t *message_id, GError **error)
{
  return sql_int_of(tx, "INSERT INTO message (size, accepted, created_at, octets) VALUES ($1, 1, $2, $3) RETURNING id",
                    SQL_ARGS(sql_int((int64_t)octets.n), sql_int(now), octets.n ? sql_bytes(octets) : sql_null()), message_id, error);
}

static enum res
pieces_append(struct tx *tx, int64_t message_id, GByteArray *octets, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT octets FROM message_piece WHERE message_id = $1 ORDER BY number", SQL_ARGS(sql_int(message_id)), &rows, error);
  if (res != RES_OK)
    return res;
  while ((res = rows_next(rows, error)) == RES_OK) {
    struct slice piece = row_bytes(rows, 0);
    if (piece.n)
      g_byte_array_append(octets, (const guint8 *)piece.p, (guint)piece.n);
  }
  return res == RES_MORE ? RES_OK : res;
}

/* The row's own octets if it has them; and what size they should be. */
static enum res
row_octets(struct tx *tx, int64_t message_id, GByteArray **whole, int64_t *size, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT size, octets FROM message WHERE id = $1", SQL_ARGS(sql_int(message_id)), &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res == RES_MORE)
    return trouble(error, REPLY_TROUBLE, "there is no message %" G_GINT64_FORMAT, message_id);
  if (res != RES_OK)
    return res;
  *size = row_int(rows, 0);
  *whole = g_byte_array_sized_new((guint)CLAMP(*size, 0, G_MAXINT32));
  struct slice octets = row_bytes(rows, 1);
  if (octets.n)
    g_byte_array_append(*whole, (const guint8 *)octets.p, (guint)octets.n);
  return RES_OK;
}

enum res
posting_octets(struct tx *tx, int64_t message_id, GBytes **octets, GError **error)
{
  int64_t size;
  g_autoptr(GByteArray) whole = NULL;
  enum res res = row_octets(tx, message_id, &whole, &size, error);
  if (res == RES_OK && whole->len < size)
    res = pieces_append(tx, message_id, whole, error);
  if (res != RES_OK)
    return res;
  if (whole->len != size) {
    log_alarm("octets of a message are missing", log_int("message", message_id), log_int("size", size), log_int("found", whole->len));
    return trouble(error, REPLY_TROUBLE, "message %" G_GINT64_FORMAT " has %u of %" G_GINT64_FORMAT " octets", message_id, whole->len, size);
  }
  *octets = g_byte_array_free_to_bytes(g_steal_pointer(&whole));
  return RES_OK;
}

/* --- counts --- */

enum res
posting_counts(struct tx *tx, int64_t list_id, struct posting_counts *counts, GError **error)
{
  *counts = (struct posting_counts){ 0 };
  OWN(rows) rows = NULL;
  enum res res = list_id
    ? sql_query(tx, "SELECT state, count(*), min(received_at) FROM posting WHERE list_id = $1 GROUP BY state", SQL_ARGS(sql_int(list_id)), &rows, error)
    : sql_query(tx, "SELECT state, count(*), min(received_at) FROM posting GROUP BY state", SQL_NO_ARGS, &rows, error);
  if (res != RES_OK)
    return res;
  while ((res = rows_next(rows, error)) == RES_OK) {
    int64_t state = row_int(rows, 0);
    if (state < 0 || state >= POSTING_STATES)
      continue;
    counts->states[state].count = row_int(rows, 1);
    counts->states[state].oldest_at = row_int(rows, 2);
  }
  return res == RES_MORE ? RES_OK : res;
}
