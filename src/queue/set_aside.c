#include "queue/set_aside.h"
#include "envelope/role.h"
#include "queue/delivery.h"
#include "queue/suspect.h"

/* In SQL below: delivery state 1 is DELIVERY_SET_ASIDE, posting state 1 POSTING_HELD. */
G_STATIC_ASSERT(DELIVERY_SET_ASIDE == 1 && POSTING_HELD == 1);

enum res
set_aside_count(struct tx *tx, struct set_aside_counts *counts, GError **error)
{
  struct suspect_counts suspects;
  enum res res = sql_int_of(tx, "SELECT COUNT(*) FROM delivery WHERE state <> 2 AND state = 1", SQL_NO_ARGS, &counts->deliveries, error);
  if (res == RES_OK)
    res = suspects_count(tx, &suspects, error);
  if (res != RES_OK)
    return res;
  counts->messages = suspects.messages;
  counts->jobs = suspects.jobs;
  return RES_OK;
}

void
set_aside_posting_free(struct set_aside_posting *posting)
{
  if (posting == NULL)
    return;
  g_free(posting->code);
  g_free(posting->list);
  g_free(posting->sender);
  g_free(posting->subject);
  g_free(posting);
}

enum res
set_aside_postings(struct tx *tx, int limit, GPtrArray **postings, GError **error)
{
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func((GDestroyNotify)set_aside_posting_free);
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "SELECT p.code, p.address, p.sender, p.subject, p.received_at FROM delivery d JOIN posting p ON p.id = d.posting_id "
                           "WHERE d.state <> 2 AND d.state = 1 ORDER BY d.id LIMIT $1",
                           SQL_ARGS(sql_int(limit)), &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK) {
    struct set_aside_posting *posting = g_new(struct set_aside_posting, 1);
    *posting = (struct set_aside_posting){ .code = g_strdup(row_text(rows, 0)), .list = g_strdup(row_text(rows, 1)), .sender = g_strdup(row_text(rows, 2)),
                                           .subject = g_strdup(row_text(rows, 3)), .received_at = row_int(rows, 4) };
    g_ptr_array_add(found, posting);
  }
  if (res != RES_MORE)
    return res;
  *postings = g_steal_pointer(&found);
  return RES_OK;
}

/* --- to the moderators --- */

/* Copies that are recorded as sent: those would come twice if the moderators accepted it. */
static enum res
check_unsent(struct tx *tx, int64_t delivery_id, const char *code, GError **error)
{
  int64_t sent;
  enum res res = sql_int_of(tx,
                            "SELECT (SELECT COALESCE(SUM(count), 0) FROM chunk WHERE delivery_id = $1 AND state = 2) + "
                            "(SELECT COUNT(*) FROM recipient WHERE delivery_id = $1 AND state > 1)",
                            SQL_ARGS(sql_int(delivery_id)), &sent, error);
  if (res != RES_OK || sent == 0)
    return res;
  return refuse(error, REPLY_SYNTAX, "%" G_GINT64_FORMAT " members have been tried with %s already: only `listward retry` can send it to the others", sent, code);
}

static enum res
find(struct tx *tx, const char *code, int64_t *delivery_id, int64_t *posting_id, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "SELECT d.id, p.id, p.role, l.id FROM posting p JOIN delivery d ON d.posting_id = p.id LEFT JOIN list l ON l.id = p.list_id AND l.removed_at IS NULL "
                           "WHERE p.code = $1 AND d.state = 1",
                           SQL_ARGS(sql_text(code)), &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res == RES_MORE)
    return refuse(error, REPLY_SYNTAX, "nothing is set aside by the id %s; `listward queue` prints what is", code);
  if (res != RES_OK)
    return res;
  *delivery_id = row_int(rows, 0);
  *posting_id = row_int(rows, 1);
  if (row_int(rows, 2) != ROLE_POST || row_is_null(rows, 3))
    return refuse(error, REPLY_SYNTAX, "%s is no posting to a list that has moderators", code);
  return RES_OK;
}

static const char *const undo_statements[] = {
  "DELETE FROM chunk WHERE delivery_id = $1",
  "DELETE FROM recipient WHERE delivery_id = $1",
  "DELETE FROM delivery WHERE id = $1",
};

enum res
set_aside_hold(struct tx *tx, const char *code, int64_t now, GError **error)
{
  int64_t delivery_id = 0, posting_id = 0;
  enum res res = find(tx, code, &delivery_id, &posting_id, error);
  if (res == RES_OK)
    res = check_unsent(tx, delivery_id, code, error);
  for (size_t i = 0; res == RES_OK && i < G_N_ELEMENTS(undo_statements); i++)
    res = sql_run(tx, undo_statements[i], SQL_ARGS(sql_int(delivery_id)), error);
  if (res != RES_OK)
    return res;
  return sql_run(tx,
                 "UPDATE posting SET state = 1, number = 0, held_at = $2, decided_at = NULL, rule = 'crash', reason = 'the server died each time it sent this' WHERE id = $1",
                 SQL_ARGS(sql_int(posting_id), sql_int(now)), error);
}
