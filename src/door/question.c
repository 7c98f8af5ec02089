#include "door/question.h"
#include "door/transaction.h"

void
question_reply(const GError *error, GString *reply)
{
  const char *message = error && error->domain == LISTWARD_ERROR ? error->message : NULL;
  g_string_truncate(reply, 0);
  reply_render(error_reply(error, REPLY_TROUBLE), &(struct reply_words){ .reason = message, .detail = message }, reply);
  g_string_truncate(reply, reply->len - 2);
}

static bool
is_nobody(enum reply reply)
{
  return reply == REPLY_UNKNOWN_LIST || reply == REPLY_BAD_ADDRESS || reply == REPLY_NEEDS_SMTPUTF8;
}

/* What a hook's result comes to. */
static enum fate
fate_of(enum res res, const GError *error, GString *reply)
{
  g_string_truncate(reply, 0);
  if (res == RES_OK)
    return FATE_OURS;
  if (res == RES_MORE)
    return FATE_FOREIGN;
  question_reply(error, reply);
  if (res == RES_TEMP)
    return FATE_TROUBLE;
  return is_nobody(error_reply(error, REPLY_REFUSED)) ? FATE_UNKNOWN : FATE_REFUSED;
}

enum fate
question_ask(const struct service *service, const struct door_question *question, GString *reply)
{
  g_autoptr(GError) error = NULL;
  enum res res = service->hooks->ask(service->hooks->ctx, question, &error);
  if (res == RES_OK)
    res = transaction_check_size(service->options, question->size, &error);
  return fate_of(res, error, reply);
}

enum fate
question_ask_domain(const struct service *service, const char *domain, GString *reply)
{
  g_autoptr(GError) error = NULL;
  enum res res = service->hooks->ask_domain(service->hooks->ctx, domain, &error);
  return fate_of(res, error, reply);
}

bool
question_is_text(struct slice octets)
{
  return slice_find(octets, '\0') == octets.n;
}
