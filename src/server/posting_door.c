#include "server/posting_door.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/log.h"
#include "message/header.h"
#include "queue/front.h"
#include "queue/intake.h"
#include "queue/suspect.h"
#include "server/peer_match.h"
#include "server/probes.h"
#include <jansson.h>

/* What a recipient needs at most, from RCPT to its reply: address, ORCPT, target, item of the intake, reply line. Counted in max_memory. */
#define RECIPIENT_MEMORY 4096
/* What judging a message needs, for each octet of its header: the view, values unfolded and decoded, their buffers' room to grow. */
#define HEADER_WORK 6

/* Unknown recipients of a transaction that are named in the log. */
#define UNKNOWN_MAX 20

/* What the hooks keep with a transaction. */
struct visit {
  struct incoming *incoming; /* NULL before DATA */
  GPtrArray *unknown;        /* addresses; NULL: none */
  int64_t more_unknown;      /* beyond UNKNOWN_MAX */
};

static struct incoming *
incoming_of(const struct door_transaction *transaction)
{
  return ((struct visit *)transaction->user)->incoming;
}

struct slice
posting_door_octets(const struct door_transaction *transaction)
{
  return incoming_octets(incoming_of(transaction));
}

/* --- who may come --- */

/* Postfix verifies an address (verify(8)) as if it sent mail of its own, from that sender unless configured otherwise, and tells everybody what it was answered. */
static bool
is_probe(const char *sender, const struct door_xforward *xforward)
{
  if (g_ascii_strncasecmp(sender, "double-bounce@", strlen("double-bounce@")) == 0)
    return true;
  return xforward && xforward->source && g_ascii_strcasecmp(xforward->source, "LOCAL") == 0 && !xforward->name && !xforward->addr && !xforward->port &&
         !xforward->proto && !xforward->helo && !xforward->ident;
}

static enum res
check_sender(struct posting_door *door, const struct list_target *target, const char *sender, const struct door_xforward *xforward, GError **error)
{
  return is_probe(sender, xforward) ? RES_OK : intake_check_sender(door->store, target, sender, error);
}

static enum res
find_target(struct posting_door *door, const char *address, struct list_target **target, GError **error)
{
  enum res res = list_index_refresh(door->index, error);
  return res == RES_OK ? list_index_resolve(door->index, address, target, error) : res;
}

static enum res
on_ask_domain(void *ctx, const char *domain, GError **error)
{
  struct posting_door *door = ((struct posting_door_side *)ctx)->door;
  g_autoptr(GError) problem = NULL;
  enum res res = list_index_refresh(door->index, &problem);
  if (!list_index_has_domain(door->index, domain))
    return RES_MORE; /* in trouble too: mail for others does not wait for us */
  if (problem)
    g_propagate_error(error, g_steal_pointer(&problem));
  return res;
}

static enum res
on_ask(void *ctx, const struct door_question *question, GError **error)
{
  struct posting_door *door = ((struct posting_door_side *)ctx)->door;
  OWN(list_target) target = NULL;
  g_autoptr(GError) problem = NULL;
  enum res res = find_target(door, question->recipient, &target, &problem);
  const char *at = strrchr(question->recipient, '@');
  if (res != RES_OK && !(at && list_index_has_domain(door->index, at + 1)))
    return RES_MORE; /* in trouble too: mail for others does not wait for us */
  bool known = res == RES_OK;
  if (res == RES_OK)
    res = intake_check_size(target, question->size, &problem);
  if (res == RES_OK && question->sender)
    res = check_sender(door, target, question->sender, NULL, &problem);
  if (res != RES_OK)
    log_write(known || res == RES_TEMP ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "recipient refused when asked",
              LOG_FIELDS(log_str("to", question->recipient), log_str("from", question->sender ? question->sender : ""), log_err(problem)));
  if (problem)
    g_propagate_error(error, g_steal_pointer(&problem));
  return res;
}

/* A disk that is nearly full: nothing is read (RFC 1870 6.1). What is stored goes on to the members, and makes room. */
static enum res
check_room(struct posting_door *door, int64_t size, GError **error)
{
  const struct config *config = live_config_acquire(door->live);
  enum res res = store_room(door->store, config->min_free_space, size, error);
  live_config_release(door->live, config);
  if (res != RES_OK)
    counter_add(COUNTER_TROUBLE, 1);
  return res;
}

static enum res
on_mail(void *ctx, struct door_transaction *transaction, GError **error)
{
  const struct posting_door_side *side = ctx;
  enum res res = side->kind == POSTING_DOOR_JUDGE ? RES_OK : check_room(side->door, transaction->size, error);
  if (res == RES_OK)
    transaction->user = g_new0(struct visit, 1);
  return res;
}

/* May the answer to RCPT depend on the sender? */
static bool
is_in_front(const struct posting_door_side *side, const struct door_transaction *transaction)
{
  if (side->kind != POSTING_DOOR_DELIVERY)
    return true;
  const struct config *config = live_config_acquire(side->door->live);
  bool callout = g_strv_contains((const char *const *)config->services[CONFIG_CALLOUT].listen, transaction->peer->listener);
  live_config_release(side->door->live, config);
  return callout;
}

static enum res
check_recipient(const struct posting_door_side *side, const struct door_transaction *transaction, const struct list_target *target, GError **error)
{
  enum res res = intake_check_size(target, transaction->size, error);
  if (res == RES_OK && is_in_front(side, transaction))
    res = check_sender(side->door, target, transaction->reverse_path, transaction->xforward, error);
  if (res == RES_OK && !budget_take(side->door->budget, RECIPIENT_MEMORY))
    res = trouble(error, REPLY_FULL, "no memory left for a recipient");
  return res;
}

/* Told at the end, when it is known whether it was mail. */
static void
note_unknown(const struct posting_door_side *side, struct visit *visit, const char *address)
{
  if (side->kind == POSTING_DOOR_JUDGE)
    return; /* perhaps somebody else has it */
  counter_add(COUNTER_UNKNOWN_RECIPIENT, 1);
  if (!visit->unknown)
    visit->unknown = g_ptr_array_new_with_free_func(g_free);
  if (visit->unknown->len < UNKNOWN_MAX)
    g_ptr_array_add(visit->unknown, g_strdup(address));
  else
    visit->more_unknown++;
}

static enum res
on_recipient(void *ctx, struct door_transaction *transaction, const char *address, void **target, GError **error)
{
  const struct posting_door_side *side = ctx;
  OWN(list_target) found = NULL;
  enum res res = find_target(side->door, address, &found, error);
  if (res == RES_BAD) {
    note_unknown(side, transaction->user, address);
    return res;
  }
  if (res == RES_OK)
    res = check_recipient(side, transaction, found, error);
  if (res == RES_OK)
    *target = OWN_GIVE(found);
  else
    log_note("recipient refused", log_str("to", address), log_str("from", transaction->reverse_path), log_err(error ? *error : NULL));
  return res;
}

/* A sender without a message is a probe (Postfix's verify(8), Exim's call-outs): of no interest, usually. */
static void
tell_unknown(const struct door_transaction *transaction)
{
  const struct visit *visit = transaction->user;
  enum log_level level = transaction->attempted ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
  for (guint i = 0; visit->unknown && i < visit->unknown->len; i++)
    log_write(level, "recipient refused",
              LOG_FIELDS(log_str("to", g_ptr_array_index(visit->unknown, i)), log_str("from", transaction->reverse_path), log_str("error", "no list or role by that name")));
  if (visit->more_unknown)
    log_write(level, "more recipients refused", LOG_FIELDS(log_int("recipients", visit->more_unknown), log_str("from", transaction->reverse_path)));
}

/* --- the message --- */

static enum res
on_message_begin(void *ctx, struct door_transaction *transaction, GError **error)
{
  const struct posting_door_side *side = ctx;
  struct store *store = side->kind == POSTING_DOOR_JUDGE ? NULL : side->door->store;
  return incoming_new(store, side->door->budget, transaction->size, &((struct visit *)transaction->user)->incoming, error);
}

static enum res
on_message_data(void *ctx, struct door_transaction *transaction, struct slice octets, GError **error)
{
  (void)ctx;
  return incoming_append(incoming_of(transaction), octets, error);
}

static void
on_message_drop(void *ctx, struct door_transaction *transaction)
{
  (void)ctx;
  incoming_drop(incoming_of(transaction));
}

/* All XFORWARD attributes as one JSON object, "" if there are none; owned by the caller. */
static char *
xforward_json(const struct door_xforward *xforward)
{
  const struct { const char *name, *value; } attributes[] = {
    { "NAME", xforward->name }, { "ADDR", xforward->addr },   { "PORT", xforward->port },     { "PROTO", xforward->proto },
    { "HELO", xforward->helo }, { "IDENT", xforward->ident }, { "SOURCE", xforward->source },
  };
  json_t *object = json_object();
  for (size_t i = 0; i < G_N_ELEMENTS(attributes); i++)
    if (attributes[i].value)
      json_object_set_new(object, attributes[i].name, json_string(attributes[i].value));
  char *text = json_object_size(object) ? json_dumps(object, JSON_COMPACT) : NULL;
  json_decref(object);
  char *copy = g_strdup(text ? text : "");
  free(text);
  return copy;
}

static enum door_outcome
outcome_of(enum reply reply)
{
  switch (reply) {
  case REPLY_HELD:
  case REPLY_WILL_BE_HELD:
  case REPLY_ALREADY_HELD:
    return DOOR_HELD;
  case REPLY_DISCARDED:
    return DOOR_DISCARDED;
  default:
    break;
  }
  return reply_is_temporary(reply) ? DOOR_TROUBLE : reply_code(reply) < 400 ? DOOR_ACCEPTED : DOOR_REFUSED;
}

static void
render_replies(const struct door_transaction *transaction, const struct intake_recipient *recipients)
{
  for (guint i = 0; i < transaction->recipients->len; i++) {
    struct door_recipient *recipient = g_ptr_array_index(transaction->recipients, i);
    struct reply_words words = {
      .id = recipients[i].code, .list = intake_subject(recipients[i].target), .reason = recipients[i].reason, .detail = recipients[i].reason,
    };
    recipient->outcome = outcome_of(recipients[i].reply);
    reply_render(recipients[i].reply, &words, recipient->reply);
  }
}

/* What the process died of, or perhaps did: the MTA keeps it. */
static void
answer_suspect(const struct door_transaction *transaction, struct intake_recipient *recipients, const GError *error)
{
  log_warn("message refused for now", log_str("from", transaction->reverse_path), log_err(error));
  for (guint i = 0; i < transaction->recipients->len; i++)
    recipients[i].reply = REPLY_TROUBLE;
  counter_add(COUNTER_TROUBLE, 1);
}

/* `message` as the transaction has it. Its `xforward` is owned by the caller. */
static void
message_of(const struct posting_door_side *side, const struct config *config, const struct door_transaction *transaction, struct intake_message *message)
{
  g_autofree char *host = peer_match_host(transaction->peer);
  *message = (struct intake_message){
    .incoming = incoming_of(transaction),
    .reverse_path = transaction->reverse_path,
    .smtputf8 = transaction->smtputf8,
    .door = side->kind == POSTING_DOOR_DELIVERY ? DOOR_LMTP : DOOR_FRONT,
    .trusted_peer = peer_match((const char *const *)config->lmtp_trusted_peers, host),
    .xforward_source = transaction->xforward ? transaction->xforward->source : NULL,
    .xforward = transaction->xforward ? xforward_json(transaction->xforward) : g_strdup(""),
    .envelope_id = transaction->envid,
    .peer = transaction->peer->lhlo,
    .one_reply = side->kind == POSTING_DOOR_FRONT,
    .others = transaction->others,
    .pass_on = transaction->pass_on,
    .pass_on_ctx = transaction->pass_on_ctx,
    .key = suspect_key(transaction->reverse_path, posting_door_octets(transaction)),
    .now = clock_now(),
  };
}

/* Judges, and keeps what this kind of door keeps. */
static void
intake(const struct posting_door_side *side, struct door_transaction *transaction, struct intake_recipient *recipients, bool *wake)
{
  struct posting_door *door = side->door;
  const struct config *config = live_config_acquire(door->live);
  const struct intake_options options = {
    .unproven = (enum unproven_policy)config->lmtp_unproven,
    .auth_trusted = (const char *const *)config->auth_trusted,
    .auth_local_domains = (const char *const *)config->auth_local_domains,
    .site_owner = config->site_owner,
    .hostname = config->hostname,
    .dedupe_window = config->retention_dedupe,
  };
  struct intake_message message;
  message_of(side, config, transaction, &message);
  g_autoptr(GError) error = NULL;
  bool alone;
  if (suspect_begin(message.key, &alone, &error) != RES_OK)
    answer_suspect(transaction, recipients, error);
  else {
    if (side->kind == POSTING_DOOR_JUDGE)
      front_judge(door->store, &options, &message, recipients, transaction->recipients->len);
    else
      intake_message(door->store, &options, &message, recipients, transaction->recipients->len, wake);
    suspect_end(door->store, message.key, alone);
  }
  g_free((char *)message.xforward);
  live_config_release(door->live, config);
}

/* Verdicts in front are kept, too. */
static void
tell_one(const struct posting_door *door, const struct list_target *target)
{
  if (target->role == ROLE_NOREPLY)
    probes_note(target->address);
  door->kept(door->wake_ctx, target->role);
}

static void
tell_kept(const struct posting_door_side *side, const struct intake_recipient *recipients, guint n)
{
  struct posting_door *door = side->door;
  if (side->kind == POSTING_DOOR_JUDGE) {
    door->kept(door->wake_ctx, ROLE_POST);
    return;
  }
  for (guint i = 0; i < n; i++)
    if (recipients[i].reply == REPLY_ACCEPTED || recipients[i].reply == REPLY_HELD || recipients[i].reply == REPLY_TAKEN)
      tell_one(door, recipients[i].target);
}

static void
answer_full(const struct door_transaction *transaction)
{
  log_warn("no memory left to judge a message", log_str("from", transaction->reverse_path));
  for (guint i = 0; i < transaction->recipients->len; i++)
    reply_render(REPLY_FULL, NULL, ((struct door_recipient *)g_ptr_array_index(transaction->recipients, i))->reply);
  counter_add(COUNTER_TROUBLE, 1);
}

static struct intake_recipient *
recipients_of(const struct door_transaction *transaction)
{
  guint n = transaction->recipients->len;
  struct intake_recipient *recipients = g_new0(struct intake_recipient, n);
  for (guint i = 0; i < n; i++) {
    const struct door_recipient *recipient = g_ptr_array_index(transaction->recipients, i);
    recipients[i].target = recipient->target;
    recipients[i].report_success = recipient->notify & DOOR_NOTIFY_SUCCESS;
    recipients[i].original_recipient = recipient->orcpt;
  }
  return recipients;
}

static void
tell_stray(const struct door_transaction *transaction)
{
  if (!transaction->stray)
    return;
  counter_add(COUNTER_STRAY_LINE_ENDS, 1);
  log_note("stray CR or LF replaced", log_int("octets", transaction->stray), log_str("from", transaction->reverse_path));
}

static void
on_message_end(void *ctx, struct door_transaction *transaction)
{
  const struct posting_door_side *side = ctx;
  struct posting_door *door = side->door;
  guint n = transaction->recipients->len;
  g_autofree struct intake_recipient *recipients = recipients_of(transaction);
  tell_stray(transaction);
  bool wake = false;
  int64_t work = MIN(HEADER_WORK * (int64_t)MIN(posting_door_octets(transaction).n, HEADER_MAX), door->budget->limit / 4);
  if (!budget_take(door->budget, work)) {
    answer_full(transaction);
    return;
  }
  intake(side, transaction, recipients, &wake);
  budget_give(door->budget, work);
  render_replies(transaction, recipients);
  tell_kept(side, recipients, n);
  for (guint i = 0; i < n; i++)
    g_free(recipients[i].reason);
  if (wake)
    door->wake(door->wake_ctx);
}

static void
on_reset(void *ctx, struct door_transaction *transaction)
{
  struct posting_door *door = ((struct posting_door_side *)ctx)->door;
  struct visit *visit = transaction->user;
  budget_give(door->budget, RECIPIENT_MEMORY * (int64_t)transaction->recipients->len);
  for (guint i = 0; i < transaction->recipients->len; i++)
    list_target_free(((struct door_recipient *)g_ptr_array_index(transaction->recipients, i))->target);
  tell_unknown(transaction);
  incoming_free(visit->incoming);
  g_clear_pointer(&visit->unknown, g_ptr_array_unref);
  g_free(visit);
  transaction->user = NULL;
}

struct door_hooks
posting_door_hooks(struct posting_door *door, enum posting_door_kind kind)
{
  struct posting_door_side *side = &door->sides[kind];
  *side = (struct posting_door_side){ .door = door, .kind = kind };
  return (struct door_hooks){
    .ctx = side, .ask = on_ask, .ask_domain = on_ask_domain, .mail = on_mail, .recipient = on_recipient, .message_begin = on_message_begin,
    .message_data = on_message_data, .message_drop = on_message_drop, .message_end = on_message_end, .reset = on_reset,
  };
}
