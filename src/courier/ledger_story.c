#include "courier/ledger_story.h"
#include "courier/bounce.h"
#include "courier/chunk.h"
#include "courier/recipient.h"
#include "envelope/address.h"
#include "list/member.h"
#include "queue/delivery.h"
#include <stdlib.h>

static void
event_free(void *data)
{
  struct ledger_event *event = data;
  g_free(event->via);
  g_free(event->text);
  g_free(event);
}

void
ledger_story_free(struct ledger_story *story)
{
  if (story == NULL)
    return;
  g_ptr_array_unref(story->lines);
  g_ptr_array_unref(story->events);
  g_free(story);
}

/* Somebody with that address on the posting's list. */
struct person {
  int64_t id, join_number;
  bool on_roster, left, receives_own;
  bool removed; /* with its list */
  enum delivery_mode mode;
  enum delivery_status status;
};

struct telling {
  const char *code, *key; /* key: the folded address */
  struct ledger_story *story;
  struct posting *posting;
  GArray *people; /* struct person, in order of joining */
  /* of the delivery at hand */
  int64_t delivery_id, cursor, last_join;
  bool roster, open;
  struct chunk_skips skips;
  bool direct; /* one of them stands in To or Cc and wants one copy only */
};

static void
tell(struct telling *telling, int64_t at, const char *what, struct slice via, struct slice text)
{
  struct ledger_event *event = g_new(struct ledger_event, 1);
  *event = (struct ledger_event){ .at = at, .what = what, .via = slice_dup(via), .text = slice_dup(text) };
  g_ptr_array_add(telling->story->events, event);
}

static void
tell_words(struct telling *telling, int64_t at, const char *what, const char *text)
{
  tell(telling, at, what, SLICE(""), slice_of(text));
}

/* --- the posting --- */

static void
tell_posting(struct telling *telling)
{
  static const char *const words[POSTING_STATES] = {
    [POSTING_ACCEPTED] = "accepted", [POSTING_HELD] = "held", [POSTING_DISCARDED] = "discarded", [POSTING_REJECTED] = "rejected", [POSTING_KEPT] = "kept",
  };
  const struct posting *posting = telling->posting;
  bool known = (unsigned)posting->state < POSTING_STATES;
  g_autofree char *text = g_strdup_printf("from <%s> to %s", posting->sender, posting->address);
  tell_words(telling, posting->received_at, "received", text);
  if (known)
    tell_words(telling, posting->decided_at ? posting->decided_at : posting->received_at, words[posting->state], posting->reason);
}

static enum res
find_people(struct tx *tx, struct telling *telling, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "SELECT member.id, member.join_number, member.role, member.left_at IS NOT NULL, COALESCE(member.receive_own, 1), member.mode, member.status, "
                           "CASE WHEN list.removed_at <= COALESCE(member.left_at, list.removed_at) THEN 1 ELSE 0 END FROM member JOIN address ON address.id = member.address_id "
                           "JOIN list ON list.id = member.list_id WHERE address.key = $1 AND member.list_id = $2 ORDER BY member.join_number, member.id",
                           SQL_ARGS(sql_text(telling->key), sql_int(telling->posting->list_id)), &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK) {
    struct person person = { .id = row_int(rows, 0),
                             .join_number = row_int(rows, 1),
                             .on_roster = row_int(rows, 2) == MEMBER_MEMBER,
                             .left = row_int(rows, 3) != 0,
                             .receives_own = row_int(rows, 4) != 0,
                             .mode = (enum delivery_mode)row_int(rows, 5),
                             .status = (enum delivery_status)row_int(rows, 6),
                             .removed = row_int(rows, 7) != 0 };
    g_array_append_val(telling->people, person);
  }
  return res == RES_MORE ? RES_OK : res;
}

/* --- recipients with rows of their own --- */

static const char *
attempt_word(int64_t state, bool last)
{
  if (last && state == RECIPIENT_SENT)
    return "sent";
  return last && state == RECIPIENT_FAILED ? "failed" : "deferred";
}

/* What is not told of each: how many there were, at the time of the one before. */
static void
tell_attempts(struct telling *telling, int64_t state, struct slice history)
{
  struct attempt attempt, after = { .at = 0 };
  int64_t before = 0;
  for (bool more = attempts_next(&history, &attempt); more; attempt = after) {
    more = attempts_next(&history, &after);
    if (attempt.dropped > 0) {
      g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT " more times", attempt.dropped);
      tell_words(telling, before, "deferred", text);
      continue;
    }
    tell(telling, attempt.at, attempt_word(state, !more), attempt.via, attempt.text);
    before = attempt.at;
  }
}

static void
tell_recipient(struct telling *telling, struct rows *rows)
{
  int64_t state = row_int(rows, 3), done_at = row_int(rows, 6);
  const char *reply = row_text(rows, 7), *history = row_text(rows, 8);
  tell_attempts(telling, state, slice_of(history));
  if (history[0] == '\0' && reply[0] && state != RECIPIENT_LEFT) /* a row from before there were histories */
    tell_words(telling, done_at ? done_at : row_int(rows, 9), attempt_word(state, true), reply);
  if (state == RECIPIENT_LEFT)
    tell_words(telling, done_at, "left", reply);
  if (state == RECIPIENT_FAILED && g_str_has_prefix(reply, "given up "))
    tell_words(telling, done_at, "given up", "");
}

static bool
is_one_of(const struct telling *telling, int64_t member_id)
{
  for (guint i = 0; i < telling->people->len; i++)
    if (g_array_index(telling->people, struct person, i).id == member_id)
      return true;
  return false;
}

static bool
has_address(const struct telling *telling, const char *address)
{
  g_autofree char *key = address_key_of(slice_of(address));
  return key && strcmp(key, telling->key) == 0;
}

static enum res
tell_recipients(struct tx *tx, struct telling *telling, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT " LEDGER_RECIPIENT_COLUMNS " FROM recipient WHERE delivery_id = $1 ORDER BY id", SQL_ARGS(sql_int(telling->delivery_id)), &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK) {
    if (!is_one_of(telling, row_int(rows, 1)) && !has_address(telling, row_text(rows, 2)))
      continue;
    g_ptr_array_add(telling->story->lines, ledger_line_of_recipient(rows));
    tell_recipient(telling, rows);
  }
  return res == RES_MORE ? RES_OK : res;
}

/* --- chunks --- */

static void
tell_member(struct telling *telling, struct rows *rows, const char *address, int64_t member_id, const struct chunk_reply *reply)
{
  struct ledger_line *line = ledger_line_of_chunk(rows, address, reply);
  struct attempt broken;
  line->member_id = member_id;
  g_ptr_array_add(telling->story->lines, line);
  for (struct slice replies = slice_of(row_text(rows, 6)); chunk_replies_next_broken(&replies, &broken);)
    tell(telling, broken.at, "broken", broken.via, broken.text);
  if (row_int(rows, 1) == CHUNK_DONE)
    tell(telling, line->at, "sent", slice_of(line->via), slice_of(line->reply));
}

static void
tell_chunk(struct telling *telling, struct rows *rows, const char *address)
{
  struct slice replies = slice_of(row_text(rows, 6));
  g_autoptr(GArray) members = NULL;
  chunk_replies_count_skipped(replies, &telling->skips);
  for (guint i = 0; i < telling->people->len; i++)
    telling->direct |= chunk_replies_passes_over(replies, g_array_index(telling->people, struct person, i).id);
  if (roster_chunk_decode(row_bytes(rows, 5), &members, NULL) != RES_OK)
    return;
  struct chunk_reply reply;
  chunk_reply_begin(&reply, replies);
  for (guint i = 0; i < members->len; i++) {
    int64_t member_id = g_array_index(members, int64_t, i);
    chunk_reply_next(&reply);
    if (is_one_of(telling, member_id))
      tell_member(telling, rows, address, member_id, &reply);
  }
  chunk_reply_end(&reply);
}

/* As it is written in the list's books. */
static enum res
find_address(struct tx *tx, const struct telling *telling, char **address, GError **error)
{
  enum res res = sql_text_of(tx, "SELECT email FROM address WHERE key = $1", SQL_ARGS(sql_text(telling->key)), address, error);
  if (res == RES_MORE)
    *address = g_strdup(telling->key);
  return res == RES_MORE ? RES_OK : res;
}

static enum res
tell_chunks(struct tx *tx, struct telling *telling, const char *address, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT " LEDGER_CHUNK_COLUMNS " FROM chunk WHERE delivery_id = $1 ORDER BY id", SQL_ARGS(sql_int(telling->delivery_id)), &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK)
    tell_chunk(telling, rows, address);
  return res == RES_MORE ? RES_OK : res;
}

/* --- no copy (yet) --- */

/* The one whose turn it would be: the last to join before the posting was accepted, else the first after; NULL: nobody was ever on the roster. */
static const struct person *
candidate(const struct telling *telling)
{
  const struct person *found = NULL;
  for (guint i = 0; i < telling->people->len; i++) {
    const struct person *person = &g_array_index(telling->people, struct person, i);
    if (person->on_roster && (found == NULL || person->join_number <= telling->last_join))
      found = person;
  }
  return found;
}

static bool
is_author(const struct telling *telling)
{
  return has_address(telling, telling->posting->sender);
}

/* What is not written down for each member follows from how it is set now. */
static const char *
reason_of(const struct telling *telling, const struct person *person)
{
  const struct {
    bool holds;
    const char *why;
  } reasons[] = {
    { person->join_number > telling->last_join, "it joined after the posting was accepted" },
    { telling->direct, "it stands in To or Cc, and wants one copy only" },
    { person->status != STATUS_ENABLED, "its delivery is switched off" },
    { person->mode != MODE_REGULAR, "it is in digest mode" },
    { !person->receives_own && is_author(telling), "it does not want its own postings" },
    { person->removed, "the list was removed before its turn" },
    { person->left, "it had left the list before its turn, or its delivery was switched off" },
    { true, "its delivery was switched off, or it was in digest mode; it is no more" },
  };
  size_t i = 0;
  while (!reasons[i].holds)
    i++;
  return reasons[i].why;
}

static void
tell_no_copy(struct telling *telling, const char *address)
{
  const struct person *person = telling->roster ? candidate(telling) : NULL;
  if (person == NULL || telling->story->lines->len > 0)
    return;
  bool waits = telling->open && !person->left && person->join_number > telling->cursor && person->join_number <= telling->last_join;
  struct ledger_line *line = waits ? ledger_line_new(address, "waiting", NULL, NULL) : ledger_line_new(address, "passed over", NULL, reason_of(telling, person));
  line->member_id = person->id;
  g_ptr_array_add(telling->story->lines, line);
}

/* --- what came back --- */

static void
tell_bounce(const struct bounce *bounce, void *arg)
{
  static const char *const texts[] = {
    [BOUNCE_REFUSED] = "the refusal counts against the address",
    [BOUNCE_RETURNED] = "mail came back to the envelope sender of its own copy: message ",
    [BOUNCE_RETURNED_XVERP] = "mail came back to the envelope sender of the batch with its address behind: message ",
  };
  if ((unsigned)bounce->kind >= G_N_ELEMENTS(texts))
    return;
  g_autofree char *text = g_strconcat(texts[bounce->kind], bounce->kind == BOUNCE_REFUSED ? "" : bounce->said, NULL);
  tell_words(arg, bounce->at, bounce->kind == BOUNCE_REFUSED ? "bounce" : "returned", text);
}

/* `first`: of the lines of this delivery. */
static enum res
tell_bounces(struct tx *tx, struct telling *telling, guint first, GError **error)
{
  enum res res = RES_OK;
  for (guint i = 0; i < telling->people->len && res == RES_OK; i++)
    res = bounce_each(tx, g_array_index(telling->people, struct person, i).id, telling->delivery_id, tell_bounce, telling, error);
  for (guint i = first; i < telling->story->lines->len && res == RES_OK; i++) {
    struct ledger_line *line = g_ptr_array_index(telling->story->lines, i);
    if (line->member_id != 0)
      res = bounce_returned(tx, line->member_id, telling->delivery_id, &line->returned, error);
  }
  return res;
}

/* --- the whole --- */

static enum res
tell_delivery(struct tx *tx, struct telling *telling, const char *address, GError **error)
{
  telling->skips = (struct chunk_skips){ .copy = 0 };
  telling->direct = false;
  guint first = telling->story->lines->len;
  enum res res = tell_recipients(tx, telling, error);
  if (res == RES_OK)
    res = tell_chunks(tx, telling, address, error);
  if (res == RES_OK)
    tell_no_copy(telling, address);
  return res == RES_OK ? tell_bounces(tx, telling, first, error) : res;
}

static enum res
tell_deliveries(struct tx *tx, struct telling *telling, GError **error)
{
  OWN(rows) rows = NULL;
  g_autofree char *address = NULL;
  enum res res = find_address(tx, telling, &address, error);
  if (res == RES_OK)
    res = sql_query(tx, "SELECT id, state, roster, cursor, last_join, created_at, outlet FROM delivery WHERE posting_id = $1 ORDER BY id LIMIT 100",
                    SQL_ARGS(sql_int(telling->posting->id)), &rows, error);
  while (res == RES_OK && (res = rows_next(rows, error)) == RES_OK) {
    const char *outlet = row_text(rows, 6);
    g_autofree char *text = outlet[0] ? g_strdup_printf("for the outlet %s", outlet) : g_strdup("");
    telling->delivery_id = row_int(rows, 0);
    telling->open = row_int(rows, 1) != DELIVERY_DONE;
    telling->roster = row_int(rows, 2) != 0;
    telling->cursor = row_int(rows, 3);
    telling->last_join = row_int(rows, 4);
    telling->story->deliveries++;
    telling->story->open += telling->open;
    tell_words(telling, row_int(rows, 5), "queued", text);
    res = tell_delivery(tx, telling, address, error);
  }
  return res == RES_MORE ? RES_OK : res;
}

/* Nothing was found: there is a line all the same. */
static void
tell_nothing(struct telling *telling)
{
  const char *why = telling->story->deliveries == 0 ? "the posting was not accepted for delivery, so far" : "no member has this address, and none who left had it";
  if (telling->story->lines->len == 0)
    g_ptr_array_add(telling->story->lines, ledger_line_new(telling->key, "none", NULL, why));
}

static enum res
read_story(struct tx *tx, void *arg, GError **error)
{
  struct telling *telling = arg;
  OWN(posting) posting = NULL;
  enum res res = posting_find(tx, telling->code, &posting, error);
  if (res != RES_OK)
    return res;
  telling->posting = posting;
  tell_posting(telling);
  res = find_people(tx, telling, error);
  if (res == RES_OK)
    res = tell_deliveries(tx, telling, error);
  if (res == RES_OK)
    tell_nothing(telling);
  return res;
}

static gint
compare_events(gconstpointer a, gconstpointer b)
{
  const struct ledger_event *one = *(struct ledger_event *const *)a, *other = *(struct ledger_event *const *)b;
  return (one->at > other->at) - (one->at < other->at);
}

enum res
ledger_story_read(struct store *store, const char *code, const char *address, struct ledger_story **story, GError **error)
{
  g_autofree char *key = address_key_of(slice_of(address));
  if (key == NULL)
    return refuse(error, REPLY_BAD_ADDRESS, "\"%s\" is no address", address);
  OWN(ledger_story) made = g_new0(struct ledger_story, 1);
  made->lines = g_ptr_array_new_with_free_func((GDestroyNotify)ledger_line_free);
  made->events = g_ptr_array_new_with_free_func(event_free);
  g_autoptr(GArray) people = g_array_new(FALSE, FALSE, sizeof(struct person));
  struct telling telling = { .code = code, .key = key, .story = made, .people = people };
  enum res res = store_read(store, read_story, &telling, error);
  if (res != RES_OK)
    return res;
  g_ptr_array_sort(made->events, compare_events); /* stable */
  *story = OWN_GIVE(made);
  return RES_OK;
}
