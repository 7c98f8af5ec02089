#include "queue/intake.h"
#include "base/crash_point.h"
#include "base/in_hand.h"
#include "base/log.h"
#include "queue/intake_item.h"
#include "queue/intake_log.h"
#include <string.h>

/* Items stored in one transaction: each is some six statements, and no write function may hold the writer for long. */
#define SLICE_ITEMS 50
/* Octets of the subject that are kept. */
#define SUBJECT_MAX 500

const char *
intake_subject(const struct list_target *target)
{
  return target->role == ROLE_POST && target->list ? target->list->posting : target->address;
}

/* --- what the message says --- */

static char *
subject_of(const struct content *content)
{
  const struct header_field *field = content->header ? header_first(content->header, "Subject") : NULL;
  if (!field)
    return g_strdup("");
  g_autofree char *text = header_text(field);
  if (strlen(text) <= SUBJECT_MAX)
    return g_steal_pointer(&text);
  const char *end = g_utf8_find_prev_char(text, text + SUBJECT_MAX);
  return g_strndup(text, (gsize)(end - text));
}

static enum proof
proof_of(const struct intake *intake)
{
  const struct proof_input input = {
    .header = intake->content->header,
    .reverse_path = intake->message->reverse_path,
    .xforward_source = intake->message->xforward_source,
    .trusted_peer = intake->message->trusted_peer,
    .trusted_ids = intake->options->auth_trusted,
    .local_domains = intake->options->auth_local_domains,
  };
  return proof_find(&input);
}

/* --- items --- */

/* Snapshots of one list may differ: it may have been changed between two RCPTs. */
static bool
same_meaning(const struct list_target *a, const struct list_target *b)
{
  int64_t list_a = a->list ? a->list->id : 0, list_b = b->list ? b->list->id : 0;
  return a->role == b->role && list_a == list_b && a->domain_id == b->domain_id && g_strcmp0(a->argument, b->argument) == 0;
}

/* Recipients that mean the same become one item. `of` gets the item of each recipient. Returns their number. */
static size_t
items_make(const struct intake *intake, const struct intake_recipient *recipients, size_t n, struct item *items, size_t *of)
{
  unsigned char identity[IDENTITY_KEY_SIZE];
  size_t made = 0;
  repeat_identity(intake->content, identity);
  for (size_t i = 0; i < n; i++) {
    size_t at = 0;
    while (at < made && !same_meaning(items[at].target, recipients[i].target))
      at++;
    of[i] = at;
    if (at == made) {
      items[made++] = (struct item){ .intake = intake, .target = recipients[i].target, .reply = REPLY_TROUBLE };
      repeat_key(recipients[i].target, intake->message->reverse_path, identity, items[at].key);
    }
    item_add_recipient(&items[at], &recipients[i]);
  }
  return made;
}

static void
item_fail(struct item *item, const GError *error, const char *event)
{
  item->settled = true;
  item->repeated = item->wake = item->orphan = item->reported = false;
  item->displaced[0] = item->code[0] = '\0';
  item->reply = error_reply(error, REPLY_TROUBLE);
  if (!reply_is_temporary(item->reply))
    item->reply = REPLY_TROUBLE;
  g_free(item->reason);
  item->reason = g_strdup("");
  log_error(event, log_str("list", intake_subject(item->target)), log_err(error));
}

/* --- the transactions --- */

static enum res
judge_in_read(struct tx *tx, void *arg, GError **error)
{
  return item_judge(tx, arg, error);
}

static void
items_judge(struct store *store, struct item *items, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    g_autoptr(GError) error = NULL;
    if (store_read(store, judge_in_read, &items[i], &error) != RES_OK)
      item_fail(&items[i], error, "a posting could not be judged");
  }
}

struct keep {
  struct item **items;
  size_t n;
  const struct incoming *incoming;
  int64_t key;       /* the message's, for in_hand_take() */
  int64_t known_id;  /* of the message, if a transaction before this one has stored it; else 0 */
  int64_t stored_id; /* result */
};

/* Between two slices the postings of the first may have been delivered, and the octets swept: the message is stored anew then. */
static enum res
check_known(struct tx *tx, struct message_row *row, GError **error)
{
  int64_t one;
  enum res res = sql_int_of(tx, "SELECT 1 FROM message WHERE id = $1 AND (octets IS NOT NULL "
                            "OR size = (SELECT COALESCE(SUM(LENGTH(octets)), 0) FROM message_piece WHERE message_id = $1))",
                            SQL_ARGS(sql_int(row->id)), &one, error);
  if (res != RES_MORE)
    return res;
  row->id = 0;
  return RES_OK;
}

static enum res
keep_in_write(struct tx *tx, void *arg, GError **error)
{
  struct keep *keep = arg;
  struct message_row row = { .incoming = keep->incoming, .id = keep->known_id };
  int slot = in_hand_take(IN_HAND_MESSAGE, keep->key);
  enum res res = row.id ? check_known(tx, &row, error) : RES_OK;
  for (size_t i = 0; res == RES_OK && i < keep->n; i++)
    res = item_keep(tx, keep->items[i], &row, error);
  keep->stored_id = row.id;
  in_hand_give(slot);
  CRASH_POINT_IF(res == RES_OK, "accept-written");
  return res;
}

/* Stores `n` items in one transaction; if that fails for a reason of one of them, each in its own. */
static void
items_keep_slice(struct store *store, struct keep *keep, struct item **items, size_t n)
{
  g_autoptr(GError) error = NULL;
  keep->items = items;
  keep->n = n;
  enum res res = store_write(store, keep_in_write, keep, &error);
  CRASH_POINT_IF(res == RES_OK, "accept-committed");
  if (res == RES_OK)
    keep->known_id = keep->stored_id;
  else if (n == 1)
    item_fail(items[0], error, "a posting could not be stored");
  else
    for (size_t i = 0; i < n; i++)
      items_keep_slice(store, keep, &items[i], 1);
}

static void
items_keep(struct store *store, const struct intake_message *message, struct item *items, size_t n)
{
  g_autofree struct item **open = g_new(struct item *, n);
  size_t count = 0;
  for (size_t i = 0; i < n; i++)
    if (!items[i].settled)
      open[count++] = &items[i];
  struct keep keep = { .incoming = message->incoming, .key = message->key };
  for (size_t i = 0; i < count; i += SLICE_ITEMS)
    items_keep_slice(store, &keep, &open[i], MIN(SLICE_ITEMS, count - i));
  if (keep.known_id)
    incoming_accepted(message->incoming);
}

/* --- results --- */

static void
recipient_fill(struct intake_recipient *recipient, const struct item *item)
{
  recipient->reply = item->reply;
  g_strlcpy(recipient->code, item->code, sizeof recipient->code);
  recipient->reason = g_strdup(item->reason ? item->reason : "");
}

void
intake_message(struct store *store, const struct intake_options *options, const struct intake_message *message,
               struct intake_recipient *recipients, size_t n, bool *wake)
{
  int slot = in_hand_take(IN_HAND_MESSAGE, message->key);
  CRASH_POISON("judge", incoming_octets(message->incoming));
  OWN(content) content = content_read(incoming_octets(message->incoming), message->reverse_path);
  g_autofree char *subject = subject_of(content);
  struct intake intake = { .options = options, .message = message, .content = content, .subject = subject };
  intake.proof = proof_of(&intake);

  g_autofree struct item *items = g_new0(struct item, n);
  g_autofree size_t *of = g_new(size_t, n);
  size_t made = items_make(&intake, recipients, n, items, of);
  items_judge(store, items, made);
  in_hand_give(slot);
  CRASH_POINT("judged");
  items_keep(store, message, items, made);

  *wake = false;
  for (size_t i = 0; i < n; i++)
    recipient_fill(&recipients[i], &items[of[i]]);
  for (size_t i = 0; i < made; i++) {
    intake_log(&items[i]);
    *wake |= items[i].wake;
    item_clear(&items[i]);
  }
}
