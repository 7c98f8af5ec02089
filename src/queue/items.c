#include "queue/items.h"
#include "base/crash_point.h"
#include "base/in_hand.h"
#include "base/log.h"

/* Octets of the subject that are kept. */
#define SUBJECT_MAX 500

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

static void
items_make(struct items *items, const struct intake_recipient *recipients, size_t n)
{
  const struct intake *intake = &items->intake;
  unsigned char identity[IDENTITY_KEY_SIZE];
  items->items = g_new0(struct item, n);
  items->of = g_new(size_t, n);
  repeat_identity(intake->content, identity);
  for (size_t i = 0; i < n; i++) {
    size_t at = 0;
    while (at < items->n && !same_meaning(items->items[at].target, recipients[i].target))
      at++;
    items->of[i] = at;
    struct item *item = &items->items[at];
    if (at == items->n) {
      items->n++;
      *item = (struct item){ .intake = intake, .target = recipients[i].target, .reply = REPLY_TROUBLE, .proof = intake->proof };
      repeat_key(recipients[i].target, intake->message->reverse_path, identity, item->key);
    }
    item_add_recipient(item, &recipients[i]);
  }
}

void
item_give_up(struct item *item, const GError *error)
{
  item->settled = true;
  item->repeated = item->wake = item->orphan = item->reported = false;
  item->displaced[0] = item->code[0] = '\0';
  item->reply = error_reply(error, REPLY_TROUBLE);
  g_free(item->reason);
  item->reason = g_strdup(item->reply == REPLY_TROUBLE ? "" : error->message);
}

void
item_fail(struct item *item, const GError *error, const char *event)
{
  item_give_up(item, error);
  if (!reply_is_temporary(item->reply))
    item->reply = REPLY_TROUBLE;
  log_error(event, log_str("list", intake_subject(item->target)), log_err(error));
}

static enum res
judge_in_read(struct tx *tx, void *arg, GError **error)
{
  return item_judge(tx, arg, error);
}

void
items_judge(struct items *items, struct store *store, const struct intake_options *options, const struct intake_message *message,
            const struct intake_recipient *recipients, size_t n)
{
  int slot = in_hand_take(IN_HAND_MESSAGE, message->key);
  CRASH_POISON("judge", incoming_octets(message->incoming));
  *items = (struct items){ .content = content_read(incoming_octets(message->incoming), message->reverse_path) };
  items->subject = subject_of(items->content);
  items->intake = (struct intake){ .options = options, .message = message, .content = items->content, .subject = items->subject };
  items->intake.proof = proof_of(&items->intake);
  items_make(items, recipients, n);
  for (size_t i = 0; i < items->n; i++) {
    g_autoptr(GError) error = NULL;
    if (store_read(store, judge_in_read, &items->items[i], &error) != RES_OK)
      item_fail(&items->items[i], error, "a posting could not be judged");
  }
  in_hand_give(slot);
}

void
items_clear(struct items *items)
{
  for (size_t i = 0; i < items->n; i++)
    item_clear(&items->items[i]);
  g_free(items->items);
  g_free(items->of);
  g_free(items->subject);
  content_free(items->content);
}

void
items_answer(const struct items *items, struct intake_recipient *recipients, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    const struct item *item = &items->items[items->of[i]];
    recipients[i].reply = item->reply;
    g_strlcpy(recipients[i].code, item->code, sizeof recipients[i].code);
    recipients[i].reason = g_strdup(item->reason ? item->reason : "");
  }
}
