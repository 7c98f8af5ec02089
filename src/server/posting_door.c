#include "server/posting_door.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/log.h"
#include "message/header.h"
#include "queue/intake.h"
#include "queue/suspect.h"
#include "server/peer_match.h"
#include <jansson.h>

/* What a recipient needs at most, from RCPT to its reply: address, ORCPT, target, item of the intake, reply line. Counted in max_memory. */
#define RECIPIENT_MEMORY 4096
/* What judging a message needs, for each octet of its header: the view, values unfolded and decoded, their buffers' room to grow. */
#define HEADER_WORK 6

static bool
is_callout(const struct config *config, const char *listener)
{
  return g_strv_contains((const char *const *)config->services[CONFIG_CALLOUT].listen, listener);
}

/* A disk that is nearly full: nothing is read (RFC 1870 6.1). What is stored goes on to the members, and makes room. */
static enum res
on_mail(void *ctx, struct door_transaction *transaction, GError **error)
{
  struct posting_door *door = ctx;
  const struct config *config = live_config_acquire(door->live);
  enum res res = store_room(door->store, config->min_free_space, transaction->size, error);
  live_config_release(door->live, config);
  if (res != RES_OK)
    counter_add(COUNTER_TROUBLE, 1);
  return res;
}

/* Over a call-out listener the answer may depend on the sender, elsewhere on recipient and SIZE alone. */
static enum res
check_recipient(struct posting_door *door, const struct door_transaction *transaction, const struct list_target *target, GError **error)
{
  enum res res = intake_check_size(target, transaction->size, error);
  if (res != RES_OK)
    return res;
  const struct config *config = live_config_acquire(door->live);
  if (is_callout(config, transaction->peer->listener))
    res = intake_check_sender(door->store, target, transaction->reverse_path, error);
  live_config_release(door->live, config);
  return res;
}

static enum res
on_recipient(void *ctx, struct door_transaction *transaction, const char *address, void **target, GError **error)
{
  struct posting_door *door = ctx;
  OWN(list_target) found = NULL;
  enum res res = list_index_refresh(door->index, error);
  if (res == RES_OK)
    res = list_index_resolve(door->index, address, &found, error);
  if (res == RES_BAD)
    counter_add(COUNTER_UNKNOWN_RECIPIENT, 1);
  if (res == RES_OK)
    res = check_recipient(door, transaction, found, error);
  if (res == RES_OK && !budget_take(door->budget, RECIPIENT_MEMORY))
    res = trouble(error, REPLY_FULL, "no memory left for a recipient");
  if (res != RES_OK) {
    log_note("recipient refused", log_str("to", address), log_str("from", transaction->reverse_path), log_err(error ? *error : NULL));
    return res;
  }
  *target = OWN_GIVE(found);
  return RES_OK;
}

static enum res
on_message_begin(void *ctx, struct door_transaction *transaction, GError **error)
{
  struct posting_door *door = ctx;
  struct incoming *incoming = NULL;
  enum res res = incoming_new(door->store, door->budget, transaction->size, &incoming, error);
  transaction->user = incoming;
  return res;
}

static enum res
on_message_data(void *ctx, struct door_transaction *transaction, struct slice octets, GError **error)
{
  (void)ctx;
  return incoming_append(transaction->user, octets, error);
}

static void
on_message_drop(void *ctx, struct door_transaction *transaction)
{
  (void)ctx;
  incoming_drop(transaction->user);
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

/* The address without port and brackets; NULL for a unix socket. Owned by the caller. */
static char *
peer_host(const struct door_peer *peer)
{
  if (peer->unix_socket)
    return NULL;
  const char *colon = strrchr(peer->address, ':');
  char *host = g_strndup(peer->address, colon ? (size_t)(colon - peer->address) : strlen(peer->address));
  return g_strstrip(g_strdelimit(host, "[]", ' '));
}

static void
render_replies(const struct door_transaction *transaction, const struct intake_recipient *recipients)
{
  for (guint i = 0; i < transaction->recipients->len; i++) {
    struct door_recipient *recipient = g_ptr_array_index(transaction->recipients, i);
    struct reply_words words = {
      .id = recipients[i].code, .list = intake_subject(recipients[i].target), .reason = recipients[i].reason, .detail = recipients[i].reason,
    };
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

static void
intake(struct posting_door *door, struct door_transaction *transaction, struct intake_recipient *recipients, bool *wake)
{
  const struct config *config = live_config_acquire(door->live);
  const struct intake_options options = {
    .unproven = (enum unproven_policy)config->lmtp_unproven,
    .auth_trusted = (const char *const *)config->auth_trusted,
    .auth_local_domains = (const char *const *)config->auth_local_domains,
    .site_owner = config->site_owner,
    .hostname = config->hostname,
    .dedupe_window = config->retention_dedupe,
  };
  g_autofree char *xforward = xforward_json(transaction->xforward), *host = peer_host(transaction->peer);
  const struct intake_message message = {
    .incoming = transaction->user,
    .reverse_path = transaction->reverse_path,
    .smtputf8 = transaction->smtputf8,
    .door = DOOR_LMTP,
    .trusted_peer = peer_match((const char *const *)config->lmtp_trusted_peers, host),
    .xforward_source = transaction->xforward->source,
    .xforward = xforward,
    .envelope_id = transaction->envid,
    .peer = transaction->peer->lhlo,
    .key = suspect_key(transaction->reverse_path, incoming_octets(transaction->user)),
    .now = clock_now(),
  };
  g_autoptr(GError) error = NULL;
  bool alone;
  if (suspect_begin(message.key, &alone, &error) == RES_OK) {
    intake_message(door->store, &options, &message, recipients, transaction->recipients->len, wake);
    suspect_end(door->store, message.key, alone);
  } else
    answer_suspect(transaction, recipients, error);
  live_config_release(door->live, config);
}

static void
tell_kept(struct posting_door *door, const struct intake_recipient *recipients, guint n)
{
  for (guint i = 0; i < n; i++)
    if (recipients[i].reply == REPLY_ACCEPTED || recipients[i].reply == REPLY_HELD || recipients[i].reply == REPLY_TAKEN)
      door->kept(door->wake_ctx, recipients[i].target->role);
}

static void
answer_full(const struct door_transaction *transaction)
{
  log_warn("no memory left to judge a message", log_str("from", transaction->reverse_path));
  for (guint i = 0; i < transaction->recipients->len; i++)
    reply_render(REPLY_FULL, NULL, ((struct door_recipient *)g_ptr_array_index(transaction->recipients, i))->reply);
  counter_add(COUNTER_TROUBLE, 1);
}

static void
on_message_end(void *ctx, struct door_transaction *transaction)
{
  struct posting_door *door = ctx;
  guint n = transaction->recipients->len;
  g_autofree struct intake_recipient *recipients = g_new0(struct intake_recipient, n);
  for (guint i = 0; i < n; i++) {
    const struct door_recipient *recipient = g_ptr_array_index(transaction->recipients, i);
    recipients[i].target = recipient->target;
    recipients[i].report_success = recipient->notify & DOOR_NOTIFY_SUCCESS;
    recipients[i].original_recipient = recipient->orcpt;
  }
  if (transaction->stray) {
    counter_add(COUNTER_STRAY_LINE_ENDS, 1);
    log_note("stray CR or LF replaced", log_int("octets", transaction->stray), log_str("from", transaction->reverse_path));
  }
  bool wake = false;
  int64_t work = MIN(HEADER_WORK * (int64_t)MIN(incoming_octets(transaction->user).n, HEADER_MAX), door->budget->limit / 4);
  if (!budget_take(door->budget, work)) {
    answer_full(transaction);
    return;
  }
  intake(door, transaction, recipients, &wake);
  budget_give(door->budget, work);
  render_replies(transaction, recipients);
  tell_kept(door, recipients, n);
  for (guint i = 0; i < n; i++)
    g_free(recipients[i].reason);
  if (wake)
    door->wake(door->wake_ctx);
}

static void
on_reset(void *ctx, struct door_transaction *transaction)
{
  struct posting_door *door = ctx;
  budget_give(door->budget, RECIPIENT_MEMORY * (int64_t)transaction->recipients->len);
  for (guint i = 0; i < transaction->recipients->len; i++)
    list_target_free(((struct door_recipient *)g_ptr_array_index(transaction->recipients, i))->target);
  incoming_free(transaction->user);
  transaction->user = NULL;
}

struct door_hooks
posting_door_hooks(struct posting_door *door)
{
  return (struct door_hooks){
    .ctx = door, .mail = on_mail, .recipient = on_recipient, .message_begin = on_message_begin, .message_data = on_message_data,
    .message_drop = on_message_drop, .message_end = on_message_end, .reset = on_reset,
  };
}
