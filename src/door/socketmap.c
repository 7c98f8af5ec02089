/* Socketmap, Postfix's (socketmap_table(5)) and Sendmail's (the map class `socket'): a request is one netstring "NAME KEY", its answer another: "OK VALUE", "NOTFOUND ",
 * "TEMP REASON", "PERM REASON". A connection serves any number of them, in order. A name is a row of `names`. */
#include "base/log.h"
#include "door/exchange.h"
#include "door/question.h"

/* Of a request, between the length and the comma: what Postfix reads of a line (line_length_limit), twice. A key longer than an address is none of ours. */
#define REQUEST_MAX 4096
#define LENGTH_DIGITS 4
/* Of a text given to Sendmail, whose buffer for an error's text is 256 octets. */
#define SENDMAIL_TEXT_MAX 200

#define TROUBLE "TEMP the list server cannot answer now, please try again"

/* ---- netstrings ---- */

/* The digits at the start. RES_MORE: there may be more of them. */
static enum res
length_of(struct slice input, size_t *digits, size_t *length)
{
  size_t i = 0;
  *length = 0;
  while (i < input.n && g_ascii_isdigit(input.p[i]) && i <= LENGTH_DIGITS)
    *length = *length * 10 + (size_t)(input.p[i++] - '0');
  *digits = i;
  if (i > LENGTH_DIGITS || *length > REQUEST_MAX || (i > 1 && input.p[0] == '0'))
    return RES_BAD;
  if (i == input.n)
    return RES_MORE;
  return i > 0 && input.p[i] == ':' ? RES_OK : RES_BAD;
}

static enum res
cut(struct slice input, size_t *n, GError **error)
{
  size_t digits, length;
  enum res res = length_of(input, &digits, &length);
  if (res == RES_BAD)
    return refuse(error, REPLY_SYNTAX, "a netstring of at most %d octets was expected", REQUEST_MAX);
  *n = digits + 1 + length + 1;
  if (res == RES_MORE || input.n < *n)
    return RES_MORE;
  return input.p[*n - 1] == ',' ? RES_OK : refuse(error, REPLY_SYNTAX, "a netstring did not end with a comma");
}

/* What lies in a whole netstring. */
static struct slice
inside(struct slice netstring)
{
  struct slice rest = slice_skip(netstring, slice_find(netstring, ':') + 1);
  return slice_head(rest, rest.n - 1);
}

/* ---- names ---- */

struct lookup {
  const struct service *service;
  const char *key;
  GString *reply; /* of the hook, where it refuses */
  GString *value; /* the answer */
};

static enum fate
ask(const struct lookup *lookup, const char *recipient, const char *sender)
{
  return question_ask(lookup->service, &(struct door_question){ .recipient = recipient, .sender = sender }, lookup->reply);
}

/* "OK VALUE" for what is ours, in whatever state it is; else NOTFOUND. */
static void
answer_ours(const struct lookup *lookup, enum fate fate, const char *value)
{
  if (fate == FATE_TROUBLE)
    g_string_append(lookup->value, TROUBLE);
  else if (fate == FATE_OURS || fate == FATE_REFUSED)
    g_string_append_printf(lookup->value, "OK %s", value);
  else
    g_string_append(lookup->value, "NOTFOUND ");
}

static void
answer_recipient(const struct lookup *lookup)
{
  answer_ours(lookup, ask(lookup, lookup->key, NULL), lookup->key);
}

static void
answer_domain(const struct lookup *lookup)
{
  answer_ours(lookup, question_ask_domain(lookup->service, lookup->key, lookup->reply), lookup->key);
}

static void
answer_transport(const struct lookup *lookup)
{
  const char *transport = atomic_load(&lookup->service->options->transport);
  answer_ours(lookup, transport ? ask(lookup, lookup->key, NULL) : FATE_FOREIGN, transport);
}

/* A result of access(5): of the recipient alone. */
static void
answer_access(const struct lookup *lookup)
{
  enum fate fate = ask(lookup, lookup->key, NULL);
  if (fate == FATE_UNKNOWN || fate == FATE_REFUSED)
    g_string_append_printf(lookup->value, "OK %s", lookup->reply->str);
  else
    answer_ours(lookup, fate, "DUNNO");
}

/* "CODE X.Y.Z TEXT" as "ERROR X.Y.Z: CODE TEXT". Sendmail takes the text apart as if it were an address: without what would be a comment, a quote or a route there. */
static void
answer_error(const struct lookup *lookup)
{
  g_auto(GStrv) words = g_strsplit(lookup->reply->str, " ", 3);
  g_assert(g_strv_length(words) == 3);
  g_strdelimit(words[2], "\"", '\'');
  g_strdelimit(words[2], "()<>", ' ');
  g_strdelimit(words[2], "\\", '/');
  g_string_append_printf(lookup->value, "OK ERROR %s: %s %.*s", words[1], words[0], SENDMAIL_TEXT_MAX, words[2]);
}

/* Without the brackets that Sendmail writes around some, the null reverse-path among them. */
static char *
unbracketed(char *path)
{
  size_t n = strlen(path);
  if (n < 2 || path[0] != '<' || path[n - 1] != '>')
    return path;
  path[n - 1] = '\0';
  return path + 1;
}

/* Where the next comma outside quotes stands in `text`, or NULL. */
static char *
comma_in(char *text)
{
  bool quoted = false;
  for (char *p = text; *p; p++)
    if (*p == '\\' && p[1])
      p++;
    else if (*p == '"')
      quoted = !quoted;
    else if (*p == ',' && !quoted)
      return p;
  return NULL;
}

/* "CLIENT,SENDER,RECIPIENT", for check_rcpt. */
static void
answer_listchk(const struct lookup *lookup)
{
  g_autofree char *client = g_strdup(lookup->key);
  char *sender = comma_in(client), *recipient = sender ? comma_in(sender + 1) : NULL;
  if (recipient == NULL || comma_in(recipient + 1)) {
    g_string_append(lookup->value, "PERM the key is CLIENT,SENDER,RECIPIENT");
    return;
  }
  *sender++ = *recipient++ = '\0';
  recipient = unbracketed(recipient);
  enum fate fate = ask(lookup, recipient, unbracketed(sender));
  if (fate == FATE_REFUSED)
    answer_error(lookup);
  else
    answer_ours(lookup, fate, recipient);
}

static const struct name {
  const char *name;
  void (*answer)(const struct lookup *lookup);
} names[] = {
  { "recipient", answer_recipient }, { "domain", answer_domain },   { "transport", answer_transport },
  { "access", answer_access },       { "listchk", answer_listchk }, { "listrcpt", answer_recipient },
};

static const struct name *
name_of(struct slice text)
{
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    if (slice_equal(text, slice_of(names[i].name)))
      return &names[i];
  return NULL;
}

static void
append_names(GString *value)
{
  g_string_append(value, "PERM the names here are");
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    g_string_append_printf(value, " %s", names[i].name);
}

/* ---- the session ---- */

static void
say(struct exchange *exchange, const GString *value)
{
  char length[24];
  int n = g_snprintf(length, sizeof(length), "%zu:", value->len);
  exchange_say(exchange, (struct slice){ length, (size_t)n });
  exchange_say(exchange, (struct slice){ value->str, value->len });
  exchange_say(exchange, SLICE(","));
}

static void
serve(struct exchange *exchange, struct slice request)
{
  struct slice word = slice_until(request, ' '), key = slice_skip(request, word.n + 1);
  const struct name *name = name_of(word);
  g_autofree char *text = slice_dup(key);
  g_autoptr(GString) reply = g_string_new(NULL), value = g_string_new(NULL);
  if (name == NULL)
    append_names(value);
  else if (!question_is_text(key))
    g_string_append(value, "NOTFOUND ");
  else
    name->answer(&(struct lookup){ exchange->service, text, reply, value });
  say(exchange, value);
}

static void
run(void *session)
{
  struct exchange *exchange = session;
  g_autoptr(GError) error = NULL;
  size_t n;
  enum res res;
  while ((res = exchange_request(exchange, cut, &n, &error)) == RES_OK) {
    serve(exchange, inside(slice_head(stream_pending(exchange->stream), n)));
    stream_consume(exchange->stream, n);
  }
  if (res == RES_BAD) {
    log_note("session ended", log_err(error));
    g_autoptr(GString) value = g_string_new("PERM ");
    g_string_append(value, error->message);
    say(exchange, value);
  }
  exchange_finish(exchange, res == RES_BAD);
}

const struct service_ops socketmap_service = {
  .name = "socketmap",
  .session_new = exchange_new,
  .session_run = run,
  .session_free = exchange_free,
  .session_idle = exchange_idle,
  .session_overdue = exchange_overdue,
  .session_end = exchange_end,
  .turn_away = exchange_turn_away,
};
