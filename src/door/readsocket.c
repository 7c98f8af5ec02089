#include "door/readsocket.h"
#include "base/log.h"
#include "door/question.h"

/* Octets of a word. */
#define WORD_MAX 1024

/* ---- words ---- */

/* Where the first space or LF outside quotes stands, or `text.n`. An LF ends a word in any case. */
static size_t
word_end(struct slice text, bool *quoted)
{
  size_t i = 0;
  *quoted = false;
  for (; i < text.n && text.p[i] != '\n' && (*quoted || text.p[i] != ' '); i++)
    if (text.p[i] == '"')
      *quoted = !*quoted;
    else if (text.p[i] == '\\' && *quoted && i + 1 < text.n && text.p[i + 1] != '\n')
      i++;
  return MIN(i, text.n);
}

/* The next word of the first line, into session->word. RES_OK. RES_MORE: the line is over. RES_BAD: it is none. RES_TEMP. */
static enum res
next_word(struct readsocket *session, GError **error)
{
  if (session->line_over)
    return RES_MORE;
  struct stream *stream = session->exchange.stream;
  for (;;) {
    struct slice text = stream_pending(stream);
    bool quoted;
    size_t n = word_end(text, &quoted);
    session->heard |= text.n > 0;
    if (n > WORD_MAX)
      return refuse(error, REPLY_SYNTAX, "a word of more than %d octets", WORD_MAX);
    if (n < text.n) {
      if (quoted || !question_is_text(slice_head(text, n)))
        return refuse(error, REPLY_SYNTAX, "%s", quoted ? "a quote is left open" : "NUL in the first line");
      session->line_over = text.p[n] == '\n';
      g_string_truncate(session->word, 0);
      g_string_append_len(session->word, text.p, (gssize)n);
      stream_consume(stream, n + 1);
      return RES_OK;
    }
    enum res res = exchange_wait(&session->exchange, EXCHANGE_IDLE, error);
    if (res == RES_MORE)
      return refuse(error, REPLY_SYNTAX, "the first line has no end");
    if (res != RES_OK)
      return res;
  }
}

/* A word that must be there; `what` it is. */
static enum res
need_word(struct readsocket *session, const char *what, GError **error)
{
  enum res res = next_word(session, error);
  return res == RES_MORE ? refuse(error, REPLY_SYNTAX, "%s is missing", what) : res;
}

static enum res
line_ends(const struct readsocket *session, GError **error)
{
  return session->line_over ? RES_OK : refuse(error, REPLY_SYNTAX, "a word too many: addresses with spaces are to be quoted");
}

/* Without the angle brackets around it. Owned by the caller. */
static char *
take_address(const struct readsocket *session)
{
  struct slice word = { session->word->str, session->word->len };
  bool bracketed = word.n >= 2 && word.p[0] == '<' && word.p[word.n - 1] == '>';
  return slice_dup(bracketed ? slice_head(slice_skip(word, 1), word.n - 2) : word);
}

/* "-1" is what Exim says where it does not know. */
static enum res
take_size(const struct readsocket *session, int64_t *size, GError **error)
{
  struct slice word = { session->word->str, session->word->len };
  *size = 0;
  bool stated = word.n > 0 && !slice_equal(word, SLICE("-1"));
  return !stated || slice_to_uint(word, size) ? RES_OK : refuse(error, REPLY_SYNTAX, "SIZE is no number: addresses with spaces are to be quoted");
}

/* ---- RCPT ---- */

/* A reply of the hooks as an answer. */
static void
answer_reply(GString *answer, const GString *reply)
{
  g_string_append_printf(answer, "%s%s", reply->str[0] == '4' ? "defer " : "", reply->str);
}

static void
answer_question(const struct readsocket *session, const struct door_question *question, GString *answer)
{
  static const char *const plain[] = { [FATE_OURS] = "ok", [FATE_FOREIGN] = "none", [FATE_UNKNOWN] = "unknown" };
  g_autoptr(GString) reply = g_string_new(NULL);
  enum fate fate = question_ask(session->exchange.service, question, reply);
  if (fate == FATE_REFUSED || fate == FATE_TROUBLE)
    answer_reply(answer, reply);
  else
    g_string_append(answer, plain[fate]);
}

static enum res
serve_rcpt(struct readsocket *session, GString *answer, GError **error)
{
  enum res res = need_word(session, "RECIPIENT", error);
  if (res != RES_OK)
    return res;
  g_autofree char *recipient = take_address(session), *sender = NULL;
  struct door_question question = { .recipient = recipient };
  if ((res = next_word(session, error)) == RES_OK)
    question.sender = sender = take_address(session);
  if (res == RES_OK && (res = next_word(session, error)) == RES_OK)
    res = take_size(session, &question.size, error);
  if (res == RES_OK || res == RES_MORE)
    res = line_ends(session, error);
  if (res == RES_OK)
    res = readsocket_check_address(recipient, error);
  if (res == RES_OK)
    answer_question(session, &question, answer);
  return res;
}

/* ---- DATA and PRDR ---- */

static enum res
serve_data(struct readsocket *session, GString *answer, GError **error)
{
  int64_t size;
  enum res res = need_word(session, "SENDER", error);
  if (res != RES_OK)
    return res;
  g_autofree char *sender = take_address(session);
  if ((res = need_word(session, "SIZE", error)) != RES_OK || (res = take_size(session, &size, error)) != RES_OK)
    return res;
  readsocket_mail(session, sender, size);
  res = need_word(session, "RECIPIENT", error);
  while (res == RES_OK) {
    if (g_str_has_suffix(session->word->str, ","))
      g_string_truncate(session->word, session->word->len - 1);
    g_autofree char *recipient = take_address(session);
    res = readsocket_recipient(session, recipient, error);
    if (res == RES_OK)
      res = next_word(session, error);
  }
  return res == RES_MORE ? readsocket_message(session, answer, error) : res;
}

static enum res
serve_prdr(struct readsocket *session, GString *answer, GError **error)
{
  int64_t size = 0;
  enum res res = need_word(session, "RECIPIENT", error);
  if (res != RES_OK)
    return res;
  g_autofree char *recipient = take_address(session);
  if ((res = need_word(session, "SENDER", error)) != RES_OK)
    return res;
  g_autofree char *sender = take_address(session);
  if ((res = next_word(session, error)) == RES_OK)
    res = take_size(session, &size, error);
  if (res == RES_OK || res == RES_MORE)
    res = line_ends(session, error);
  if (res != RES_OK)
    return res;
  readsocket_mail(session, sender, size);
  res = readsocket_recipient(session, recipient, error);
  return res == RES_OK ? readsocket_message(session, answer, error) : res;
}

/* ---- the session ---- */

static const struct command {
  const char *name;
  enum res (*serve)(struct readsocket *session, GString *answer, GError **error); /* RES_OK: `answer`. RES_BAD: the request is none. RES_TEMP: nobody is there to answer */
} commands[] = { { "RCPT", serve_rcpt }, { "DATA", serve_data }, { "PRDR", serve_prdr } };

static enum res
serve(struct readsocket *session, GString *answer, GError **error)
{
  enum res res = need_word(session, "the request", error);
  if (res != RES_OK)
    return res;
  for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
    if (strcmp(session->word->str, commands[i].name) == 0)
      return commands[i].serve(session, answer, error);
  return refuse(error, REPLY_SYNTAX, "a request begins with RCPT, DATA or PRDR");
}

static void
run(void *data)
{
  struct readsocket *session = data;
  g_autoptr(GString) answer = g_string_new(NULL);
  g_autoptr(GError) error = NULL;
  exchange_next(&session->exchange);
  enum res res = serve(session, answer, &error);
  readsocket_reset(session);
  if (res == RES_BAD) {
    log_write(session->heard ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "request not understood", LOG_FIELDS(log_err(error))); /* who says nothing looks whether we are there */
    g_string_printf(answer, "error %s", error->message);
  }
  if (res != RES_TEMP) {
    g_string_append_c(answer, '\n');
    exchange_say(&session->exchange, (struct slice){ answer->str, answer->len });
  }
  exchange_finish(&session->exchange, true);
}

static void *
session_new(const struct service *service, struct stream *stream, const struct door_peer *peer)
{
  struct readsocket *session = g_new0(struct readsocket, 1);
  exchange_init(&session->exchange, service, stream, peer);
  session->word = g_string_new(NULL);
  return session;
}

static void
session_free(void *data)
{
  struct readsocket *session = data;
  if (session == NULL)
    return;
  readsocket_reset(session);
  exchange_clear(&session->exchange);
  g_string_free(session->word, TRUE);
  g_free(session);
}

const struct service_ops readsocket_service = {
  .name = "readsocket",
  .session_new = session_new,
  .session_run = run,
  .session_free = session_free,
  .session_idle = exchange_idle,
  .session_overdue = exchange_overdue,
  .session_end = exchange_end,
  .turn_away = exchange_turn_away,
};
