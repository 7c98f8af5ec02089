#include "queue/front.h"
#include "base/crash_point.h"
#include "base/in_hand.h"
#include "queue/intake_log.h"
#include "queue/items.h"

/* --- as rows --- */

/* What refusals say, by words that outlive the table of replies. */
static const struct {
  const char *word;
  enum reply reply;
} refusals[] = {
  { "refused", REPLY_REFUSED },
  { "too large", REPLY_TOO_LARGE },
  { "loop", REPLY_LOOP },
  { "malformed", REPLY_MALFORMED },
};

static const char *
word_of(enum reply reply)
{
  for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++)
    if (refusals[i].reply == reply)
      return refusals[i].word;
  return refusals[0].word;
}

static enum reply
reply_of(const char *word)
{
  for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++)
    if (strcmp(refusals[i].word, word) == 0)
      return refusals[i].reply;
  return REPLY_REFUSED;
}

/* The rule's own name; "" if there is none by that name any more. Static. */
static const char *
rule_of(const char *name)
{
  const char *rule = "";
  for (size_t i = 0; (rule = verdict_rule_nth(i)) && strcmp(rule, name) != 0;)
    i++;
  return rule ? rule : "";
}

enum res
front_find(struct tx *tx, int64_t list_id, const unsigned char key[REPEAT_KEY], int64_t since, struct verdict *verdict, bool *told, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT action, ground, rule, reason, reply, told FROM front_verdict WHERE list_id = $1 AND key = $2 AND at >= $3",
                           SQL_ARGS(sql_int(list_id), sql_bytes((struct slice){ (const char *)key, REPEAT_KEY }), sql_int(since)), &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res != RES_OK)
    return res;
  int64_t action = row_int(rows, 0), ground = row_int(rows, 1);
  if (action < VERDICT_ACCEPT || action > VERDICT_DISCARD || ground < GROUND_NONE || ground > GROUND_SIZE)
    return RES_MORE; /* from a newer program */
  *verdict = (struct verdict){
    .action = (enum verdict_action)action, .ground = (enum verdict_ground)ground, .rule = rule_of(row_text(rows, 2)), .reason = g_strdup(row_text(rows, 3)),
    .reply = reply_of(row_text(rows, 4)),
  };
  *told = row_int(rows, 5) != 0;
  return RES_OK;
}

static enum res
front_insert(struct tx *tx, const struct item *item, bool told, GError **error)
{
  const struct verdict *verdict = &item->verdict;
  return sql_run(tx,
                 "INSERT INTO front_verdict (list_id, key, action, ground, rule, reason, reply, told, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
                 "ON CONFLICT (list_id, key) DO UPDATE SET action = excluded.action, ground = excluded.ground, rule = excluded.rule, reason = excluded.reason, "
                 "reply = excluded.reply, told = excluded.told, at = excluded.at",
                 SQL_ARGS(sql_int(item->target->list->id), sql_bytes((struct slice){ (const char *)item->key, REPEAT_KEY }), sql_int(verdict->action),
                          sql_int(verdict->ground), sql_text(verdict->rule), sql_text(verdict->reason), sql_text(word_of(verdict->reply)), sql_int(told),
                          sql_int(item->intake->message->now)),
                 error);
}

static enum res
prune(struct tx *tx, bool told, int64_t before, int limit, int *n, GError **error)
{
  enum res res = sql_run(tx, "DELETE FROM front_verdict WHERE (list_id, key) IN (SELECT list_id, key FROM front_verdict WHERE told = $1 AND at < $2 ORDER BY at LIMIT $3)",
                         SQL_ARGS(sql_int(told), sql_int(before), sql_int(limit - *n)), error);
  if (res == RES_OK)
    *n += (int)sql_changes(tx);
  return res;
}

enum res
front_prune(struct tx *tx, int64_t now, int64_t window, int limit, int *n, GError **error)
{
  *n = 0;
  enum res res = prune(tx, true, now - MIN(window, FRONT_TOLD_TIME), limit, n, error);
  return res == RES_OK && *n < limit ? prune(tx, false, now - window, limit, n, error) : res;
}

/* --- judging --- */

/* A posting that came before is known again by itself; who is to come again is judged again. */
static bool
is_to_be_remembered(const struct item *item)
{
  return item->target->role == ROLE_POST && !item->repeated && !reply_is_temporary(item->reply);
}

struct remember {
  const struct items *items;
  bool told;
};

static enum res
remember(struct tx *tx, void *arg, GError **error)
{
  const struct remember *remember = arg;
  const struct items *items = remember->items;
  enum res res = RES_OK;
  int slot = in_hand_take(IN_HAND_MESSAGE, items->intake.message->key);
  for (size_t i = 0; res == RES_OK && i < items->n; i++)
    if (is_to_be_remembered(&items->items[i]))
      res = front_insert(tx, &items->items[i], remember->told, error);
  in_hand_give(slot);
  CRASH_POINT_IF(res == RES_OK, "front-written");
  return res;
}

/* Then the author is told of it, if anybody refused it. */
static bool
nobody_gets_it(const struct items *items)
{
  for (size_t i = 0; i < items->n; i++)
    if (reply_code(items->items[i].reply) < 500 && items->items[i].reply != REPLY_DISCARDED)
      return false;
  return !items->intake.message->others;
}

static bool
any_to_be_remembered(const struct items *items)
{
  for (size_t i = 0; i < items->n; i++)
    if (is_to_be_remembered(&items->items[i]))
      return true;
  return false;
}

void
front_judge(struct store *store, const struct intake_options *options, const struct intake_message *message, struct intake_recipient *recipients, size_t n)
{
  struct intake_message only = *message;
  only.judge_only = true;
  struct items items;
  g_autoptr(GError) error = NULL;
  items_judge(&items, store, options, &only, recipients, n);
  struct remember what = { .items = &items, .told = nobody_gets_it(&items) };
  enum res res = any_to_be_remembered(&items) ? store_write(store, remember, &what, &error) : RES_OK;
  CRASH_POINT_IF(res == RES_OK, "front-committed");
  for (size_t i = 0; i < items.n; i++) {
    if (res != RES_OK && is_to_be_remembered(&items.items[i]))
      item_fail(&items.items[i], error, "a verdict could not be remembered");
    intake_log_front(&items.items[i], !what.told);
  }
  items_answer(&items, recipients, n);
  items_clear(&items);
}
