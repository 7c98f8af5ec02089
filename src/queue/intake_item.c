#include "queue/intake_item.h"
#include "base/crash_point.h"
#include "base/token.h"
#include "message/hop.h"
#include "queue/delivery.h"
#include "queue/front.h"
#include "queue/hold.h"
#include "queue/job.h"
#include "queue/owners.h"

/* Received fields of mail to a role address; its loops have no other bound where no list is known. */
#define ROLE_HOPS_MAX 50

static int64_t
list_id_of(const struct item *item)
{
  return item->target->list ? item->target->list->id : 0;
}

static void
item_answer(struct item *item, enum reply reply, const char *code, const char *reason)
{
  item->reply = reply;
  g_strlcpy(item->code, code, sizeof item->code);
  char *copy = g_strdup(reason); /* `reason` may be the item's own */
  g_free(item->reason);
  item->reason = copy;
}

void
item_clear(struct item *item)
{
  verdict_clear(&item->verdict);
  g_clear_pointer(&item->reason, g_free);
  g_clear_pointer(&item->asking, g_array_unref);
}

void
item_add_recipient(struct item *item, const struct intake_recipient *recipient)
{
  if (!recipient->report_success || (item->asking && item->asking->len == SUCCESS_REPORT_RECIPIENTS_MAX))
    return;
  if (!item->asking)
    item->asking = g_array_new(FALSE, FALSE, sizeof(struct success_report_recipient));
  struct success_report_recipient asking = { .original = recipient->original_recipient, .final = recipient->target->address };
  g_array_append_val(item->asking, asking);
}

static void
item_answer_repeat(struct item *item, const struct repeat *repeat)
{
  item_answer(item, repeat_reply(repeat), repeat->code, "");
  item->repeated = true;
}

static enum res
item_find_repeat(struct tx *tx, struct item *item, GError **error)
{
  struct repeat repeat;
  int64_t since = item->intake->message->now - item->intake->options->dedupe_window;
  enum res res = repeat_find(tx, list_id_of(item), item->key, since, &repeat, error);
  if (res == RES_OK)
    item_answer_repeat(item, &repeat);
  return res;
}

/* --- judgement --- */

static void
item_settle(struct item *item, enum reply reply, const char *reason)
{
  char code[TOKEN_ID + 1];
  token_id(code);
  item_answer(item, reply, code, reason);
  item->settled = true;
}

/* What was said in front of the queue stands, whatever has changed since. A refusal that the author was told of may be repeated; one that he was not, since the message was for
 * others, too, depends on the proof of the return path, as any. RES_MORE: nothing was said. */
static enum res
item_obey(struct tx *tx, struct item *item, GError **error)
{
  const struct intake *intake = item->intake;
  bool told;
  enum res res = front_find(tx, list_id_of(item), item->key, intake->message->now - intake->options->dedupe_window, &item->verdict, &told, error);
  if (res == RES_OK && (told || item->verdict.action != VERDICT_REJECT))
    item->proof = PROOF_FRONT;
  return res;
}

static bool
no_member(const struct facts *facts)
{
  for (guint i = 0; i < facts->senders->len; i++) {
    const struct sender *sender = g_ptr_array_index(facts->senders, i);
    if (sender->is_member && sender->proves_membership)
      return false;
  }
  return true;
}

static enum res
item_judge_now(struct tx *tx, struct item *item, GError **error)
{
  OWN(facts) facts = NULL;
  enum res res = facts_gather(tx, item->target->list, item->intake->content, &facts, error);
  if (res != RES_OK)
    return res;
  item->stranger = no_member(facts);
  verdict_judge(facts, &item->verdict, NULL);
  return RES_OK;
}

static enum res
item_judge_posting(struct tx *tx, struct item *item, GError **error)
{
  const struct intake *intake = item->intake;
  verdict_clear(&item->verdict);
  item->proof = intake->proof;
  enum res res = intake->message->door == DOOR_LMTP ? item_obey(tx, item, error) : RES_MORE;
  if (res == RES_MORE)
    res = item_judge_now(tx, item, error);
  if (res != RES_OK)
    return res;
  door_policy_apply(&item->verdict, intake->message->door, item->proof, intake->options->unproven, intake->message->reverse_path);
  if (item->verdict.action == VERDICT_REJECT || item->verdict.action == VERDICT_DISCARD)
    item_settle(item, verdict_reply(&item->verdict), item->verdict.reason);
  return RES_OK;
}

void
item_soften(struct item *item)
{
  const struct intake *intake = item->intake;
  door_policy_soften(&item->verdict, item->proof, intake->options->unproven, intake->message->reverse_path);
  if (item->verdict.action == VERDICT_DISCARD)
    item_settle(item, REPLY_DISCARDED, item->verdict.reason);
  else
    item->settled = false;
}

/* Mail that people read and that may come round again: our own copy of it, or (to the owners of a list) an automatic answer. "" if it is
 * none. What somebody resends by hand (RFC 5322 3.6.6), perhaps a posting of the list to complain of, comes with our mark and is no loop. */
static const char *
owner_mail_is_loop(const struct item *item)
{
  const struct content *content = item->intake->content;
  if (content->hops > ROLE_HOPS_MAX)
    return "too many Received fields";
  if (!content->header)
    return "";
  const char *own = item->target->list ? item->target->list->posting : item->target->address;
  bool resent = header_first(content->header, "Resent-From") != NULL;
  for (const struct header_field *field = header_first(content->header, HOP_HEADER); field; field = header_next(content->header, HOP_HEADER, field)) {
    g_autofree char *value = header_unfold(field);
    if (!resent && slice_equal_nocase(slice_of(value), slice_of(own)))
      return "it carries the list's own mark";
  }
  return item->target->list ? content->automatic : "";
}

/* What is to be kept is looked for once more when it is, so only what is not need be looked for now: what was taken once is not refused when an MTA
 * sends it again, whatever has changed meanwhile. */
static enum res
item_settle_repeat(struct tx *tx, struct item *item, GError **error)
{
  if (!item->settled)
    return RES_OK;
  enum res res = item_find_repeat(tx, item, error);
  if (res == RES_OK)
    verdict_clear(&item->verdict);
  return res == RES_MORE ? RES_OK : res;
}

static enum res
item_check_room(struct tx *tx, struct item *item, GError **error)
{
  g_autoptr(GError) full = NULL;
  enum res res = hold_check_room(tx, item->target->list, &full);
  if (res != RES_BAD) {
    if (full)
      g_propagate_error(error, g_steal_pointer(&full));
    return res;
  }
  item_answer(item, error_reply(full, REPLY_LIST_BUSY), "", full->message);
  return RES_OK;
}

/* Nothing will be kept: what would be answered if it were. */
static enum res
item_foretell(struct tx *tx, struct item *item, GError **error)
{
  enum res res = item_find_repeat(tx, item, error);
  item->settled = true;
  if (res != RES_MORE)
    return res;
  if (item->target->role != ROLE_POST || item->verdict.action == VERDICT_ACCEPT) {
    item_answer(item, REPLY_OK, "", "");
    return RES_OK;
  }
  item_answer(item, REPLY_WILL_BE_HELD, "", item->verdict.reason);
  return item->stranger && item->proof == PROOF_NONE ? item_check_room(tx, item, error) : RES_OK;
}

enum res
item_judge(struct tx *tx, struct item *item, GError **error)
{
  enum role role = item->target->role;
  if (role == ROLE_NOREPLY) {
    item_settle(item, REPLY_TAKEN, "nobody reads this address");
    return RES_OK;
  }
  if (role == ROLE_POST) {
    enum res res = item_judge_posting(tx, item, error);
    if (res != RES_OK)
      return res;
  }
  if (role == ROLE_OWNER || role == ROLE_POSTMASTER) {
    const char *loop = owner_mail_is_loop(item);
    if (*loop)
      item_settle(item, REPLY_TAKEN, loop);
  }
  if (item->intake->message->judge_only && !item->settled)
    return item_foretell(tx, item, error);
  return item_settle_repeat(tx, item, error);
}

/* --- rows --- */

static enum res
item_insert(struct tx *tx, struct item *item, struct message_row *row, enum posting_state state, int64_t number, struct posting *posting, GError **error)
{
  const struct intake_message *message = item->intake->message;
  char code[TOKEN_ID + 1];
  token_id(code);
  item_answer(item, item->reply, code, item->reason ? item->reason : "");
  if (row->id == 0) {
    enum res res = incoming_store(row->incoming, tx, message->now, &row->id, error);
    if (res != RES_OK)
      return res;
  }
  *posting = (struct posting){
    .list_id = list_id_of(item), .domain_id = item->target->domain_id, .message_id = row->id, .number = number, .received_at = message->now,
    .code = item->code, .role = item->target->role, .state = state, .address = item->target->address, .argument = item->target->argument,
    .reverse_path = (char *)message->reverse_path, .sender = (char *)content_sender(item->intake->content), .subject = (char *)item->intake->subject,
    .rule = (char *)(item->verdict.rule ? item->verdict.rule : ""), .reason = item->verdict.reason, .peer = (char *)message->peer,
    .xforward = (char *)message->xforward, .proven = item->intake->proof != PROOF_NONE, .smtputf8 = message->smtputf8, .smtp = message->one_reply,
    .repeat_key = { (const char *)item->key, sizeof item->key },
  };
  CRASH_POISON("keep", slice_of(posting->sender));
  return posting_insert(tx, posting, &posting->id, error);
}

/* RFC 3461 5.2.7.1. */
static enum res
item_report_success(struct tx *tx, struct item *item, GError **error)
{
  const struct intake *intake = item->intake;
  const struct list *list = item->target->list;
  if (!item->asking || !*intake->message->reverse_path || intake->proof == PROOF_NONE)
    return RES_OK;
  g_autofree char *owner = list_role_address(list, "owner");
  const char *hostname = intake->options->hostname;
  const struct success_report report = {
    .to = intake->message->reverse_path, .list = list->posting, .owner = owner, .hostname = hostname && *hostname ? hostname : list->domain,
    .envelope_id = intake->message->envelope_id, .header = intake->content->header,
    .recipients = (const struct success_report_recipient *)(const void *)item->asking->data, .n = item->asking->len,
    .at = intake->message->now, .smtputf8 = intake->message->smtputf8,
  };
  item->reported = true;
  return success_report_send(tx, &report, list->domain_id, error);
}

static enum res
item_accept(struct tx *tx, struct item *item, struct message_row *row, GError **error)
{
  const struct list *list = item->target->list;
  int64_t number, last_join, now = item->intake->message->now;
  enum res res = list_next_number(tx, list->id, now, &number, &last_join, error);
  if (res != RES_OK)
    return res;
  struct posting posting;
  item_answer(item, REPLY_ACCEPTED, "", "");
  res = item_insert(tx, item, row, POSTING_ACCEPTED, number, &posting, error);
  if (res != RES_OK)
    return res;
  g_autofree char *reverse_path = list_role_address(list, "bounces");
  res = delivery_create_roster(tx,
                               &(struct delivery_new){
                                 .posting_id = posting.id, .list_id = list->id, .outlet = list->settings.outlet, .reverse_path = reverse_path, .now = now },
                               last_join, &item->wake, error);
  return res == RES_OK ? item_report_success(tx, item, error) : res;
}

static enum res
item_hold(struct tx *tx, struct item *item, struct message_row *row, GError **error)
{
  const struct intake *intake = item->intake;
  g_autoptr(GError) full = NULL;
  bool known = intake->proof != PROOF_NONE || !item->stranger;
  enum res res = hold_make_room(tx, item->target->list, intake->message->door, known, intake->message->now, item->displaced, &full);
  if (res == RES_BAD) {
    item_answer(item, error_reply(full, REPLY_LIST_BUSY), "", full->message);
    return RES_OK;
  }
  if (res != RES_OK) {
    g_propagate_error(error, g_steal_pointer(&full));
    return res;
  }
  struct posting posting;
  item_answer(item, REPLY_HELD, "", item->verdict.reason);
  return item_insert(tx, item, row, POSTING_HELD, 0, &posting, error);
}

/* To people: owners, else site_owner, else kept until there is somebody. */
static enum res
item_keep_for_owners(struct tx *tx, struct item *item, struct message_row *row, GError **error)
{
  const char *site_owner = item->intake->options->site_owner;
  int64_t now = item->intake->message->now;
  struct posting posting;
  enum res res = item_insert(tx, item, row, POSTING_ACCEPTED, 0, &posting, error);
  if (res == RES_OK)
    res = owners_deliver(tx, &posting, site_owner ? site_owner : "", now, error);
  if (res == RES_OK)
    item->wake = true;
  if (res != RES_MORE)
    return res;
  item->orphan = true;
  res = sql_run(tx, "UPDATE posting SET state = $2 WHERE id = $1", SQL_ARGS(sql_int(posting.id), sql_int(POSTING_KEPT)), error);
  if (res != RES_OK)
    return res;
  return job_create(tx, posting.list_id ? "owner" : "postmaster", posting.id, posting.list_id, now, error);
}

static enum res
item_keep_job(struct tx *tx, struct item *item, struct message_row *row, GError **error)
{
  struct posting posting;
  enum res res = item_insert(tx, item, row, POSTING_KEPT, 0, &posting, error);
  if (res != RES_OK)
    return res;
  return job_create(tx, role_suffix(item->target->role), posting.id, posting.list_id, item->intake->message->now, error);
}

/* RES_MORE: it was removed since RCPT. */
static enum res
list_is_there(struct tx *tx, const struct list *list, GError **error)
{
  int64_t id;
  return list ? sql_int_of(tx, "SELECT id FROM list WHERE id = $1 AND removed_at IS NULL", SQL_ARGS(sql_int(list->id)), &id, error) : RES_OK;
}

enum res
item_keep(struct tx *tx, struct item *item, struct message_row *row, GError **error)
{
  item->repeated = item->wake = item->orphan = item->reported = false;
  item->displaced[0] = '\0';
  enum role role = item->target->role;
  enum res res = item_find_repeat(tx, item, error);
  if (res != RES_MORE)
    return res;
  res = list_is_there(tx, item->target->list, error);
  if (res == RES_MORE)
    item_answer(item, REPLY_UNKNOWN_LIST, "", "the list is gone");
  if (res != RES_OK)
    return res == RES_MORE ? RES_OK : res;
  if (role == ROLE_POST)
    return item->verdict.action == VERDICT_HOLD ? item_hold(tx, item, row, error) : item_accept(tx, item, row, error);
  item_answer(item, REPLY_TAKEN, "", "");
  if (role == ROLE_OWNER || role == ROLE_POSTMASTER)
    return item_keep_for_owners(tx, item, row, error);
  return item_keep_job(tx, item, row, error);
}
