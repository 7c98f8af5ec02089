#include "door/stub_hooks.h"
#include "base/clock.h"

static bool
begins(const char *text, const char *prefix)
{
  return g_str_has_prefix(text, prefix);
}

/* Who stands behind an address, known or asked about. */
static enum res
check_address(const char *address, GError **error)
{
  if (begins(address, "no-"))
    return refuse(error, REPLY_UNKNOWN_LIST, "secret");
  if (begins(address, "closed-"))
    return refuse(error, REPLY_REFUSED, "members only");
  if (begins(address, "trouble-"))
    return trouble(error, REPLY_TROUBLE, "secret trouble");
  return RES_OK;
}

static enum res
on_ask_domain(void *ctx, const char *domain, GError **error)
{
  (void)ctx;
  if (g_str_has_suffix(domain, "trouble.example"))
    return trouble(error, REPLY_TROUBLE, "secret trouble");
  return g_str_has_suffix(domain, ".example") && !g_str_has_suffix(domain, "elsewhere.example") ? RES_OK : RES_MORE;
}

static enum res
on_ask(void *ctx, const struct door_question *question, GError **error)
{
  const char *at = strrchr(question->recipient, '@');
  if (at == NULL)
    return RES_MORE;
  enum res res = on_ask_domain(ctx, at + 1, error);
  if (res == RES_OK)
    res = check_address(question->recipient, error);
  if (res == RES_OK && question->sender && begins(question->sender, "refused@"))
    return refuse(error, REPLY_REFUSED, "you may not post");
  if (res == RES_OK && question->size > 500)
    return refuse(error, REPLY_TOO_LARGE, "the list's limit is 500 octets");
  return res;
}

static void
note_written(struct stub *stub, const struct door_written *written)
{
  g_string_append_printf(stub->written, "[%.*s] [%.*s] ", SLICE_FMT(written->path), SLICE_FMT(written->parameters));
}

/* Says it as it is to who is so named. */
static void
say(const struct door_transaction *transaction, const char *address, const char *prefix, const char *lines)
{
  if (transaction->reply && begins(address, prefix))
    g_string_append(transaction->reply, lines);
}

static enum res
on_mail(void *ctx, struct door_transaction *transaction, GError **error)
{
  struct stub *stub = ctx;
  g_assert(transaction->user == NULL && transaction->recipients->len == 0);
  note_written(stub, &transaction->mail);
  g_string_append_printf(stub->log, "mail(%s", transaction->reverse_path);
  if (transaction->size > 0)
    g_string_append_printf(stub->log, " size=%" G_GINT64_FORMAT, transaction->size);
  if (transaction->body != DOOR_BODY_UNSTATED)
    g_string_append(stub->log, transaction->body == DOOR_BODY_7BIT ? " 7bit" : " 8bit");
  if (transaction->smtputf8)
    g_string_append(stub->log, " utf8");
  if (transaction->ret != DOOR_RET_UNSTATED)
    g_string_append(stub->log, transaction->ret == DOOR_RET_FULL ? " full" : " hdrs");
  if (transaction->envid)
    g_string_append_printf(stub->log, " envid=%s", transaction->envid);
  if (transaction->xforward->source)
    g_string_append_printf(stub->log, " source=%s", transaction->xforward->source);
  if (transaction->xforward->helo)
    g_string_append_printf(stub->log, " helo=%s", transaction->xforward->helo);
  g_string_append(stub->log, ") ");
  if (begins(transaction->reverse_path, "refused@"))
    return refuse(error, REPLY_REFUSED, "you may not post");
  if (begins(transaction->reverse_path, "trouble@"))
    return trouble(error, REPLY_TROUBLE, "secret trouble");
  transaction->user = g_new0(char, 1);
  return RES_OK;
}

static enum res
on_recipient(void *ctx, struct door_transaction *transaction, const char *address, void **target, GError **error)
{
  struct stub *stub = ctx;
  g_assert(transaction->user);
  note_written(stub, &transaction->rcpt);
  say(transaction, address, "no-literal-", "551 5.7.1 not by me\r\n");
  say(transaction, address, "literal-", "251-2.1.5 taken\r\n251 2.1.5 by somebody else\r\n");
  g_string_append_printf(stub->log, "rcpt(%s) ", address);
  enum res res = check_address(address, error);
  if (res != RES_OK)
    return res;
  *target = g_strdup(address);
  stub->targets++;
  return RES_OK;
}

static enum res
on_message_begin(void *ctx, struct door_transaction *transaction, GError **error)
{
  struct stub *stub = ctx;
  g_assert(transaction->recipients->len > 0);
  g_string_append(stub->log, "begin ");
  g_string_truncate(stub->data, 0);
  const struct door_recipient *first = g_ptr_array_index(transaction->recipients, 0);
  if (begins(first->address, "full-"))
    return trouble(error, REPLY_FULL, "secret");
  return RES_OK;
}

static enum res
on_message_data(void *ctx, struct door_transaction *transaction, struct slice octets, GError **error)
{
  struct stub *stub = ctx;
  (void)transaction;
  g_assert(octets.n > 0);
  g_string_append_len(stub->data, octets.p, (gssize)octets.n);
  if (g_strstr_len(stub->data->str, (gssize)stub->data->len, "STOP NOW"))
    atomic_store(&stub->options.stopping, true);
  if (g_strstr_len(stub->data->str, (gssize)stub->data->len, "OUT OF DISK"))
    return trouble(error, REPLY_FULL, "secret");
  return RES_OK;
}

static const struct verdict {
  const char *prefix;
  enum reply reply;
  enum door_outcome outcome;
} verdicts[] = {
  { "held-", REPLY_HELD, DOOR_HELD },
  { "reject-", REPLY_REFUSED, DOOR_REFUSED },
  { "late-", REPLY_TROUBLE, DOOR_TROUBLE },
  { "silent-", REPLY_TROUBLE, DOOR_TROUBLE },
  { "discard-", REPLY_DISCARDED, DOOR_DISCARDED },
  { "", REPLY_ACCEPTED, DOOR_ACCEPTED },
};

static const struct verdict *
verdict_of(const char *address)
{
  const struct verdict *verdict = verdicts;
  while (!begins(address, verdict->prefix))
    verdict++;
  return verdict;
}

static void
on_message_drop(void *ctx, struct door_transaction *transaction)
{
  struct stub *stub = ctx;
  (void)transaction;
  g_string_truncate(stub->data, 0);
  g_string_append(stub->log, "drop ");
}

static void
on_message_end(void *ctx, struct door_transaction *transaction)
{
  struct stub *stub = ctx;
  g_autofree char *text = g_strescape(stub->data->str, NULL);
  g_string_append_printf(stub->log, "[%s] end ", text);
  if (transaction->stray > 0)
    g_string_append_printf(stub->log, "stray=%d ", (int)transaction->stray);
  const struct door_recipient *first = g_ptr_array_index(transaction->recipients, 0);
  if (transaction->one_reply)
    say(transaction, first->address, "literal-", "556 5.6.1 not by me\r\n");
  for (guint i = 0; i < transaction->recipients->len; i++) {
    struct door_recipient *recipient = g_ptr_array_index(transaction->recipients, i);
    struct reply_words words = { .id = "id", .list = recipient->address, .reason = "the reason" };
    g_assert(g_strcmp0(recipient->target, recipient->address) == 0);
    if (recipient->notify || recipient->orcpt)
      g_string_append_printf(stub->log, "dsn(%u %s) ", recipient->notify, recipient->orcpt ? recipient->orcpt : "-");
    recipient->outcome = verdict_of(recipient->address)->outcome;
    if (!begins(recipient->address, "silent-"))
      reply_render(verdict_of(recipient->address)->reply, &words, recipient->reply);
  }
}

static void
on_reset(void *ctx, struct door_transaction *transaction)
{
  struct stub *stub = ctx;
  g_string_append(stub->log, "reset ");
  for (guint i = 0; i < transaction->recipients->len; i++) {
    const struct door_recipient *recipient = g_ptr_array_index(transaction->recipients, i);
    g_free(recipient->target);
    stub->targets--;
  }
  g_free(transaction->user);
}

struct stub *
stub_new(void)
{
  struct stub *stub = g_new0(struct stub, 1);
  stub->log = g_string_new(NULL);
  stub->written = g_string_new(NULL);
  stub->data = g_string_new(NULL);
  stub->options.hostname = "lists.example";
  stub->options.size_max = 1000;
  stub->options.command_timeout = stub->options.data_timeout = stub->options.message_timeout = CLOCK_MINUTE;
  stub->hooks = (struct door_hooks){
    .ctx = stub,
    .ask = on_ask,
    .ask_domain = on_ask_domain,
    .mail = on_mail,
    .recipient = on_recipient,
    .message_begin = on_message_begin,
    .message_data = on_message_data,
    .message_drop = on_message_drop,
    .message_end = on_message_end,
    .reset = on_reset,
  };
  return stub;
}

void
stub_free(struct stub *stub)
{
  if (stub == NULL)
    return;
  g_assert(stub->targets == 0);
  g_string_free(stub->log, TRUE);
  g_string_free(stub->written, TRUE);
  g_string_free(stub->data, TRUE);
  g_free(stub);
}
