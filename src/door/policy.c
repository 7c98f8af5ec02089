/* Postfix's policy protocol (SMTPD_POLICY_README): a request is lines "name=value", ended by an empty one; its answer "action=…" and an empty line. What is refused here is refused by
 * access(5)'s rules in Postfix's own voice. DUNNO is all that is said of others: the answer to mail that is not for lists is not ours to give.
 *
 * A request that is none is not answered: the connection is closed, as that page wants it, and Postfix asks again. */
#include "base/log.h"
#include "door/exchange.h"
#include "door/question.h"

#define REQUEST_MAX (16 * 1024)
#define ATTRIBUTE_MAX 4096
#define ATTRIBUTES_MAX 200

#define DUNNO "DUNNO"
/* The value of policy_context (check_policy_service { …, policy_context=lists-only }) that says: every address in a domain of ours is a list's. */
#define CONTEXT_LISTS_ONLY "lists-only"

/* What is read of a request; borrowed from it. */
struct request {
  struct slice request, state, sender, recipient, size, context;
};

static const struct attribute {
  struct slice name;
  size_t at;
} attributes[] = {
  { SLICE("request"), offsetof(struct request, request) },     { SLICE("protocol_state"), offsetof(struct request, state) },
  { SLICE("sender"), offsetof(struct request, sender) },       { SLICE("recipient"), offsetof(struct request, recipient) },
  { SLICE("size"), offsetof(struct request, size) },           { SLICE("policy_context"), offsetof(struct request, context) },
};

/* The states in which a recipient is asked about, if there is exactly one. */
static const struct slice states[] = { SLICE("RCPT"), SLICE("DATA"), SLICE("END-OF-MESSAGE"), SLICE("VRFY") };

/* ---- a request ---- */

static enum res
cut(struct slice input, size_t *n, GError **error)
{
  const char *end = input.n >= 2 ? memmem(input.p, input.n, "\n\n", 2) : NULL;
  *n = end ? (size_t)(end - input.p) + 2 : input.n;
  if (*n > REQUEST_MAX)
    return refuse(error, REPLY_SYNTAX, "a request of more than %d octets", REQUEST_MAX);
  return end ? RES_OK : RES_MORE;
}

static void
keep(struct request *request, struct slice name, struct slice value)
{
  for (size_t i = 0; i < G_N_ELEMENTS(attributes); i++)
    if (slice_equal(name, attributes[i].name))
      *(struct slice *)((char *)request + attributes[i].at) = value;
}

/* All of `text`, without the empty line. RES_BAD: it is no request. */
static enum res
parse(struct slice text, struct request *request, GError **error)
{
  *request = (struct request){ 0 };
  for (int lines = 0; text.n > 0; lines++) {
    struct slice line = slice_until(text, '\n'), name = slice_until(line, '=');
    if (name.n == line.n || line.n > ATTRIBUTE_MAX || lines >= ATTRIBUTES_MAX || !question_is_text(line))
      return refuse(error, REPLY_SYNTAX, "line %d of a request is no attribute, too long, or one too many", lines + 1);
    keep(request, name, slice_skip(line, name.n + 1));
    text = slice_skip(text, line.n + 1);
  }
  return slice_equal(request->request, SLICE("smtpd_access_policy")) ? RES_OK : refuse(error, REPLY_SYNTAX, "not a request of smtpd_access_policy");
}

/* ---- its answer ---- */

/* At DATA and later, several recipients are given as none: each was asked about before. */
static bool
is_for_us(const struct request *request)
{
  for (size_t i = 0; i < G_N_ELEMENTS(states); i++)
    if (slice_equal(request->state, states[i]))
      return request->recipient.n > 0;
  return false;
}

/* Who is unknown to us may be a user of the host's, in a domain that has lists and users: its own maps know. */
static bool
is_refused(enum fate fate, const struct request *request)
{
  return fate == FATE_REFUSED || fate == FATE_TROUBLE || (fate == FATE_UNKNOWN && slice_equal(request->context, SLICE(CONTEXT_LISTS_ONLY)));
}

/* The action; `reply` may hold it. */
static const char *
decide(const struct exchange *exchange, const struct request *request, GString *reply)
{
  if (!is_for_us(request))
    return DUNNO;
  g_autofree char *recipient = slice_dup(request->recipient), *sender = slice_dup(request->sender);
  int64_t size;
  if (!slice_to_uint(request->size, &size))
    size = 0;
  enum fate fate = question_ask(exchange->service, &(struct door_question){ .recipient = recipient, .sender = sender, .size = size }, reply);
  return is_refused(fate, request) ? reply->str : DUNNO;
}

static enum res
serve(struct exchange *exchange, struct slice text, GError **error)
{
  struct request request;
  enum res res = parse(text, &request, error);
  if (res != RES_OK)
    return res;
  g_autoptr(GString) reply = g_string_new(NULL);
  exchange_say(exchange, SLICE("action="));
  exchange_say(exchange, slice_of(decide(exchange, &request, reply)));
  exchange_say(exchange, SLICE("\n\n"));
  return RES_OK;
}

static void
run(void *session)
{
  struct exchange *exchange = session;
  g_autoptr(GError) error = NULL;
  size_t n;
  enum res res;
  while ((res = exchange_request(exchange, cut, &n, &error)) == RES_OK) {
    res = serve(exchange, slice_head(stream_pending(exchange->stream), n - 1), &error);
    stream_consume(exchange->stream, n);
    if (res != RES_OK)
      break;
  }
  if (res == RES_BAD)
    log_warn("policy request not understood", log_err(error));
  exchange_finish(exchange, res == RES_BAD);
}

const struct service_ops policy_service = {
  .name = "policy",
  .session_new = exchange_new,
  .session_run = run,
  .session_free = exchange_free,
  .session_idle = exchange_idle,
  .session_overdue = exchange_overdue,
  .session_end = exchange_end,
  .turn_away = exchange_turn_away,
};
