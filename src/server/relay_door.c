/* Each transaction is seen twice: whole by the session, and without the others' recipients by those who know the lists. */
#include "server/relay_door.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "door/one_reply.h"
#include "net/endpoint.h"
#include "server/descriptors.h"
#include "server/peer_match.h"
#include "smtp/smtp_relay.h"
#include <unistd.h>

/* The client waits meanwhile: Postfix for 100 s (smtpd_proxy_timeout), from the dot to the reply too. */
#define CONNECT_TIMEOUT (20 * CLOCK_SECOND)
#define REPLY_TIMEOUT_MAX (30 * CLOCK_SECOND)
#define PASS_ON_TIMEOUT (80 * CLOCK_SECOND)
/* So much of a message is handed on between two looks at the clock. */
#define BLOCK (64 * 1024)

struct relay {
  struct relay_door *door;
  struct door_transaction *whole;
  struct door_transaction ours; /* `recipients`: borrowed from the whole */
  bool ours_begun;
  bool allowed;            /* the client's mail for others is passed on */
  bool dialled;            /* once in a transaction */
  struct smtp_relay *next; /* NULL: not connected */
  char *next_hop;          /* as configured when it was connected */
  bool has_mail;           /* the next hop has taken MAIL */
  guint others;            /* recipients that it has taken */
  bool passed_on;          /* and the message */
};

/* What others' recipients have for a target. */
static char not_ours;

/* ---- who is ours ---- */

static enum res pass_on(void *ctx, GError **error);

/* Brings the inner view up to date. */
static struct door_transaction *
ours_of(struct relay *relay)
{
  const struct door_transaction *whole = relay->whole;
  void *user = relay->ours.user;
  GPtrArray *recipients = relay->ours.recipients;
  relay->ours = *whole;
  relay->ours.user = user;
  relay->ours.recipients = recipients;
  relay->ours.others = relay->others > 0;
  relay->ours.pass_on = relay->others > 0 ? pass_on : NULL;
  relay->ours.pass_on_ctx = relay;
  g_ptr_array_set_size(recipients, 0);
  for (guint i = 0; i < whole->recipients->len; i++)
    if (((struct door_recipient *)g_ptr_array_index(whole->recipients, i))->target != &not_ours)
      g_ptr_array_add(recipients, g_ptr_array_index(whole->recipients, i));
  return &relay->ours;
}

/* True: the message is for lists too, and kept here until it is judged. Else it goes on as it comes. */
static bool
is_for_lists(struct relay *relay)
{
  return ours_of(relay)->recipients->len > 0;
}

static bool
may_relay(const struct config *config, const struct door_peer *peer)
{
  g_autofree char *host = peer_match_host(peer);
  return config->smtp_next_hop[0] && peer_match((const char *const *)config->smtp_next_hop_clients, host);
}

static enum res
begin_ours(struct relay *relay, GError **error)
{
  const struct door_hooks *inner = relay->door->inner;
  enum res res = relay->ours_begun ? RES_OK : inner->mail(inner->ctx, ours_of(relay), error);
  relay->ours_begun = relay->ours_begun || res == RES_OK;
  return res;
}

static void
relay_free(struct relay *relay)
{
  smtp_relay_free(relay->next);
  g_free(relay->next_hop);
  g_ptr_array_unref(relay->ours.recipients);
  g_free(relay);
}

/* Whose mail may be for others gets to those who know the lists with the first of theirs: a full disk is not the others' concern. */
static enum res
on_mail(void *ctx, struct door_transaction *transaction, GError **error)
{
  struct relay *relay = g_new0(struct relay, 1);
  relay->door = ctx;
  relay->whole = transaction;
  relay->ours.recipients = g_ptr_array_new();
  const struct config *config = live_config_acquire(relay->door->live);
  relay->allowed = may_relay(config, transaction->peer);
  live_config_release(relay->door->live, config);
  enum res res = relay->allowed ? RES_OK : begin_ours(relay, error);
  if (res == RES_OK)
    transaction->user = relay;
  else
    relay_free(relay);
  return res;
}

/* ---- the next hop ---- */

/* What is said of it in the log, and its reply, if it has one, to the client. */
static void
next_hop_refused(struct relay *relay, const char *what, const GError *error)
{
  struct slice reply = relay->next ? smtp_relay_reply(relay->next) : (struct slice){ NULL, 0 };
  g_string_truncate(relay->whole->reply, 0);
  if (reply.n > 0)
    g_string_append_len(relay->whole->reply, reply.p, (gssize)reply.n);
  log_write(reply.n > 0 ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, what,
            LOG_FIELDS(log_str("next_hop", relay->next_hop ? relay->next_hop : ""), log_str("from", relay->whole->reverse_path), log_err(error)));
}

/* The same for a hook's result; `problem` is taken over. */
static enum res
refused_at(struct relay *relay, const char *what, enum res res, GError *problem, GError **error)
{
  next_hop_refused(relay, what, problem);
  g_propagate_error(error, problem);
  return res;
}

static int64_t
wait_at_most(const struct config *config, int64_t most)
{
  return MIN(most, config->data_timeout);
}

static enum res
dial(struct relay *relay, const struct config *config, GError **error)
{
  OWN(endpoint) endpoint = NULL;
  int fd;
  enum res res = endpoint_parse(relay->next_hop, &endpoint, error);
  if (res == RES_OK)
    res = endpoint_connect(endpoint, clock_monotonic() + wait_at_most(config, CONNECT_TIMEOUT), &fd, error);
  if (res != RES_OK)
    return res;
  if (!descriptors_spare(fd, descriptors_reserve(config))) {
    close(fd);
    return trouble(error, REPLY_NEXT_HOP_TROUBLE, "no descriptor is left for a connection to it");
  }
  const struct smtp_relay_options options = {
    .hostname = config->hostname,
    .reply_timeout = wait_at_most(config, REPLY_TIMEOUT_MAX),
    .taken_timeout = wait_at_most(config, PASS_ON_TIMEOUT),
  };
  relay->next = smtp_relay_new(stream_new(fd), &options);
  return RES_OK;
}

static enum res
introduce(struct relay *relay, GError **error)
{
  const struct door_xforward *x = relay->whole->xforward;
  const struct smtp_attribute attributes[] = {
    { "NAME", x->name }, { "ADDR", x->addr }, { "PORT", x->port }, { "PROTO", x->proto }, { "HELO", x->helo }, { "IDENT", x->ident }, { "SOURCE", x->source },
  };
  enum res res = smtp_relay_hello(relay->next, error);
  return res == RES_OK ? smtp_relay_xforward(relay->next, attributes, G_N_ELEMENTS(attributes), error) : res;
}

/* Once in a transaction: who was taken by a connection that is lost is lost with it. */
static enum res
connect_next(struct relay *relay, GError **error)
{
  if (relay->next)
    return RES_OK;
  if (relay->dialled)
    return trouble(error, REPLY_NEXT_HOP_TROUBLE, "it could not be reached before");
  relay->dialled = true;
  g_autoptr(GError) cause = NULL;
  const struct config *config = live_config_acquire(relay->door->live);
  relay->next_hop = g_strdup(config->smtp_next_hop);
  enum res res = dial(relay, config, &cause);
  live_config_release(relay->door->live, config);
  if (res == RES_OK)
    res = introduce(relay, &cause);
  if (res == RES_OK)
    return RES_OK;
  g_clear_pointer(&relay->next, smtp_relay_free);
  return trouble(error, REPLY_NEXT_HOP_TROUBLE, "%s", cause ? cause->message : "no connection");
}

static enum res
other_recipient(struct relay *relay, GError **error)
{
  const struct door_transaction *whole = relay->whole;
  GError *problem = NULL;
  enum res res = connect_next(relay, &problem);
  if (res == RES_OK && !relay->has_mail) {
    res = smtp_relay_mail(relay->next, whole->mail.path, whole->mail.parameters, &problem);
    relay->has_mail = res == RES_OK;
  }
  if (res == RES_OK)
    res = smtp_relay_rcpt(relay->next, whole->rcpt.path, whole->rcpt.parameters, &problem);
  if (res != RES_OK)
    return refused_at(relay, "recipient refused by the next hop", res, problem, error);
  struct slice reply = smtp_relay_reply(relay->next);
  g_string_append_len(whole->reply, reply.p, (gssize)reply.n);
  relay->others++;
  return RES_OK;
}

/* ---- RCPT ---- */

static enum res
our_recipient(struct relay *relay, const char *address, void **target, GError **error)
{
  const struct door_hooks *inner = relay->door->inner;
  enum res res = begin_ours(relay, error);
  return res == RES_OK ? inner->recipient(inner->ctx, ours_of(relay), address, target, error) : res;
}

/* An address in a domain of ours that is no list may be somebody's mailbox: the next hop knows. */
static enum res
on_recipient(void *ctx, struct door_transaction *transaction, const char *address, void **target, GError **error)
{
  (void)ctx;
  struct relay *relay = transaction->user;
  const struct door_hooks *inner = relay->door->inner;
  const struct door_question question = { .recipient = address };
  g_autoptr(GError) problem = NULL;
  enum res res = inner->ask(inner->ctx, &question, &problem);
  bool foreign = res == RES_MORE, unknown = foreign || (res == RES_BAD && error_reply(problem, REPLY_TROUBLE) == REPLY_UNKNOWN_LIST);
  if (unknown && relay->allowed) {
    *target = &not_ours;
    return other_recipient(relay, error);
  }
  if (foreign) {
    log_note("recipient refused", log_str("to", address), log_str("from", transaction->reverse_path), log_str("error", "neither a list nor a client of next_hop"));
    return refuse(error, REPLY_NO_RELAY, "no domain of ours");
  }
  return our_recipient(relay, address, target, error);
}

/* ---- the message ---- */

/* Called by those who know the lists, when they have judged. */
static enum res
pass_on(void *ctx, GError **error)
{
  struct relay *relay = ctx;
  struct slice octets = relay->door->octets_of(&relay->ours);
  int64_t deadline = clock_monotonic() + PASS_ON_TIMEOUT;
  GError *problem = NULL;
  enum res res = smtp_relay_data(relay->next, &problem);
  for (size_t at = 0; res == RES_OK && at < octets.n; at += BLOCK)
    if (clock_monotonic() > deadline)
      res = trouble(&problem, REPLY_NEXT_HOP_TROUBLE, "the next hop takes the message too slowly");
    else
      res = smtp_relay_octets(relay->next, slice_head(slice_skip(octets, at), BLOCK), &problem);
  if (res == RES_OK)
    res = smtp_relay_end(relay->next, &problem);
  if (res != RES_OK)
    return refused_at(relay, "message refused by the next hop", res, problem, error);
  relay->passed_on = true;
  CRASH_POINT("passed-on");
  return RES_OK;
}

static enum res
on_message_begin(void *ctx, struct door_transaction *transaction, GError **error)
{
  (void)ctx;
  struct relay *relay = transaction->user;
  const struct door_hooks *inner = relay->door->inner;
  if (is_for_lists(relay))
    return inner->message_begin(inner->ctx, &relay->ours, error);
  GError *problem = NULL;
  enum res res = smtp_relay_data(relay->next, &problem);
  return res == RES_OK ? RES_OK : refused_at(relay, "message refused by the next hop", res, problem, error);
}

static enum res
on_message_data(void *ctx, struct door_transaction *transaction, struct slice octets, GError **error)
{
  (void)ctx;
  struct relay *relay = transaction->user;
  const struct door_hooks *inner = relay->door->inner;
  if (is_for_lists(relay))
    return inner->message_data(inner->ctx, &relay->ours, octets, error);
  GError *problem = NULL;
  enum res res = smtp_relay_octets(relay->next, octets, &problem);
  return res == RES_OK ? RES_OK : refused_at(relay, "message refused by the next hop", res, problem, error);
}

static void
on_message_drop(void *ctx, struct door_transaction *transaction)
{
  (void)ctx;
  struct relay *relay = transaction->user;
  const struct door_hooks *inner = relay->door->inner;
  if (is_for_lists(relay))
    inner->message_drop(inner->ctx, &relay->ours);
  g_clear_pointer(&relay->next, smtp_relay_free);
}

static void
tell_passed_on(const struct relay *relay)
{
  log_note("message passed on", log_str("next_hop", relay->next_hop), log_str("from", relay->whole->reverse_path), log_int("recipients", relay->others));
}

static void
end_for_others(struct relay *relay)
{
  g_autoptr(GError) problem = NULL;
  enum res res = smtp_relay_end(relay->next, &problem);
  if (res == RES_OK) {
    struct slice reply = smtp_relay_reply(relay->next);
    g_string_append_len(relay->whole->reply, reply.p, (gssize)reply.n);
    tell_passed_on(relay);
  } else {
    next_hop_refused(relay, "message refused by the next hop", problem);
    if (relay->whole->reply->len == 0)
      reply_render(error_reply(problem, REPLY_TROUBLE), NULL, relay->whole->reply);
  }
}

/* What the next hop said when it took the message; NULL: it did not. Owned by the caller. */
static char *
words_of_next_hop(const struct relay *relay)
{
  if (!relay->passed_on)
    return NULL;
  struct slice words = slice_skip(slice_until(smtp_relay_reply(relay->next), '\r'), 4);
  return g_strdup_printf("next hop: %.*s", SLICE_FMT(words));
}

/* Others' recipients have no replies of their own: the next hop's goes behind what is said of the lists, unless it refused. */
static void
end_for_lists(struct relay *relay)
{
  const struct door_hooks *inner = relay->door->inner;
  inner->message_end(inner->ctx, ours_of(relay));
  g_autofree char *also = words_of_next_hop(relay);
  if (relay->whole->reply->len == 0)
    one_reply_render(relay->ours.recipients, also, relay->whole->reply);
  if (relay->passed_on)
    tell_passed_on(relay);
}

static void
on_message_end(void *ctx, struct door_transaction *transaction)
{
  (void)ctx;
  struct relay *relay = transaction->user;
  if (is_for_lists(relay))
    end_for_lists(relay);
  else
    end_for_others(relay);
}

static void
on_reset(void *ctx, struct door_transaction *transaction)
{
  (void)ctx;
  struct relay *relay = transaction->user;
  const struct door_hooks *inner = relay->door->inner;
  if (relay->ours_begun)
    inner->reset(inner->ctx, ours_of(relay));
  relay_free(relay);
  transaction->user = NULL;
}

struct door_hooks
relay_door_hooks(struct relay_door *door)
{
  return (struct door_hooks){
    .ctx = door, .mail = on_mail, .recipient = on_recipient, .message_begin = on_message_begin, .message_data = on_message_data,
    .message_drop = on_message_drop, .message_end = on_message_end, .reset = on_reset,
  };
}

/* Two names for one address of this machine are taken for one. */
static bool
is_same(const struct endpoint *own, const struct endpoint *next_hop)
{
  static const char *const here[] = { "127.0.0.1", "::1", "localhost", NULL }, *const everywhere[] = { "0.0.0.0", "::", NULL };
  if (own->path || next_hop->path)
    return g_strcmp0(own->path, next_hop->path) == 0;
  if (own->port != next_hop->port)
    return false;
  return strcmp(own->host, next_hop->host) == 0 || (g_strv_contains(here, next_hop->host) && (g_strv_contains(everywhere, own->host) || g_strv_contains(here, own->host)));
}

/* Each message for others would come back for ever. */
static bool
is_own(const struct config *config, const struct endpoint *next_hop)
{
  for (char **text = config->services[CONFIG_SMTP].listen; *text; text++) {
    OWN(endpoint) own = NULL;
    if (endpoint_parse(*text, &own, NULL) != RES_OK)
      continue;
    if (is_same(own, next_hop))
      return true;
  }
  return false;
}

enum res
relay_door_check(const struct config *config, GError **error)
{
  OWN(endpoint) endpoint = NULL;
  g_autoptr(GError) problem = NULL;
  if (config->smtp_next_hop[0] && endpoint_parse(config->smtp_next_hop, &endpoint, &problem) != RES_OK)
    return refuse(error, REPLY_SYNTAX, "[smtp] next_hop: %s", problem->message);
  if (endpoint && is_own(config, endpoint))
    return refuse(error, REPLY_SYNTAX, "[smtp] next_hop: %s is [smtp] listen itself", config->smtp_next_hop);
  if (peer_match_check((const char *const *)config->smtp_next_hop_clients, &problem) != RES_OK)
    return refuse(error, REPLY_SYNTAX, "[smtp] next_hop_clients: %s", problem->message);
  return RES_OK;
}
