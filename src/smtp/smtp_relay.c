#include "smtp/smtp_relay.h"
#include "base/clock.h"
#include "net/dot_encoder.h"
#include "smtp/smtp_reply.h"
#include <poll.h>

/* RFC 5321 4.5.3.1.4, without CRLF. */
#define COMMAND_MAX 510

enum offer { OFFERS_SIZE = 1, OFFERS_8BITMIME = 2, OFFERS_SMTPUTF8 = 4, OFFERS_DSN = 8 };

struct smtp_relay {
  struct stream *stream;
  struct smtp_relay_options options; /* hostname owned */
  unsigned offers;                   /* enum offer, together */
  char *xforward;                    /* the attributes it asks for, "NAME ADDR"; NULL: none */
  bool lost;                         /* nothing more can be said */
  bool in_message;
  struct dot_encoder dots;
  int code;       /* of the last reply */
  GString *reply; /* the last one, as it came */
};

struct smtp_relay *
smtp_relay_new(struct stream *stream, const struct smtp_relay_options *options)
{
  struct smtp_relay *relay = g_new0(struct smtp_relay, 1);
  relay->stream = stream;
  relay->options = *options;
  relay->options.hostname = g_strdup(options->hostname);
  relay->reply = g_string_new(NULL);
  return relay;
}

void
smtp_relay_free(struct smtp_relay *relay)
{
  if (relay == NULL)
    return;
  g_autoptr(GError) error = NULL;
  if (!relay->lost && !relay->in_message) {
    stream_deadline(relay->stream, clock_monotonic() + relay->options.reply_timeout);
    if (stream_write(relay->stream, SLICE("QUIT\r\n"), &error) == RES_OK)
      (void)!stream_flush(relay->stream, NULL);
  }
  stream_free(relay->stream);
  g_string_free(relay->reply, TRUE);
  g_free((char *)relay->options.hostname);
  g_free(relay->xforward);
  g_free(relay);
}

struct slice
smtp_relay_reply(const struct smtp_relay *relay)
{
  return (struct slice){ relay->reply->str, relay->reply->len };
}

/* ---- a command and its reply ---- */

/* Of the reply, for the log; owned by the caller. */
static char *
first_line(const struct smtp_relay *relay)
{
  return slice_dup(slice_until(smtp_relay_reply(relay), '\r'));
}

static enum res
lose(struct smtp_relay *relay, const char *what, const char *why, GError **error)
{
  relay->lost = true;
  enum res res = trouble(error, REPLY_NEXT_HOP_TROUBLE, "%s: %s", what, why);
  g_string_truncate(relay->reply, 0);
  return res;
}

/* After a failure below: the error says which. */
static enum res
lose_for(struct smtp_relay *relay, const char *what, const GError *cause, GError **error)
{
  return lose(relay, what, cause ? cause->message : "the connection is lost", error);
}

/* After one that ends the dialogue, or is none to this command. */
static enum res
lose_for_reply(struct smtp_relay *relay, const char *what, GError **error)
{
  g_autofree char *line = first_line(relay);
  return lose(relay, what, line, error);
}

/* A reply that nobody asked for would be taken for that to the next command. */
static bool
has_spoken(const struct smtp_relay *relay)
{
  struct pollfd p = { .fd = stream_fd(relay->stream), .events = POLLIN };
  return stream_pending(relay->stream).n > 0 || (p.fd >= 0 && poll(&p, 1, 0) > 0);
}

static void
note_keyword(struct smtp_relay *relay, struct slice words)
{
  static const struct {
    struct slice keyword;
    enum offer offer;
  } known[] = {
    { { "SIZE", 4 }, OFFERS_SIZE }, { { "8BITMIME", 8 }, OFFERS_8BITMIME }, { { "SMTPUTF8", 8 }, OFFERS_SMTPUTF8 }, { { "DSN", 3 }, OFFERS_DSN },
  };
  struct slice keyword = slice_until(slice_trim(words), ' ');
  for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
    if (slice_equal_nocase(keyword, known[i].keyword))
      relay->offers |= known[i].offer;
  if (slice_equal_nocase(keyword, SLICE("XFORWARD"))) {
    g_free(relay->xforward);
    relay->xforward = slice_dup(slice_trim(slice_skip(slice_trim(words), keyword.n)));
  }
}

/* Keeps each line; `hello`: and what it offers. */
static enum res
read_reply(struct smtp_relay *relay, int64_t timeout, bool hello, GError **error)
{
  struct smtp_reply reply;
  struct slice line;
  enum res res;
  smtp_reply_init(&reply);
  g_string_truncate(relay->reply, 0);
  stream_deadline(relay->stream, clock_monotonic() + timeout);
  do {
    res = smtp_reply_read_line(relay->stream, &reply, &line, error);
    if (res != RES_OK && res != RES_MORE)
      return res;
    if (relay->reply->len + line.n + 2 > SMTP_RELAY_REPLY_MAX)
      return refuse(error, REPLY_SYNTAX, "a reply of more than %d octets", SMTP_RELAY_REPLY_MAX);
    g_string_append_len(relay->reply, line.p, (gssize)line.n);
    g_string_append(relay->reply, "\r\n");
    if (hello && reply.lines > 1)
      note_keyword(relay, smtp_reply_words(line));
  } while (res == RES_MORE);
  relay->code = reply.code;
  return RES_OK;
}

/* Says `command` (with its CRLF; empty: nothing) and reads the reply to it. */
static enum res
ask(struct smtp_relay *relay, const char *what, struct slice command, int64_t timeout, bool hello, GError **error)
{
  g_autoptr(GError) cause = NULL;
  g_string_truncate(relay->reply, 0);
  if (relay->lost)
    return trouble(error, REPLY_NEXT_HOP_TROUBLE, "%s: the connection was lost before", what);
  if (command.n > 0 && has_spoken(relay))
    return lose(relay, what, "the server has spoken unasked, or closed the connection", error);
  stream_deadline(relay->stream, clock_monotonic() + timeout);
  enum res res = stream_write(relay->stream, command, &cause);
  if (res == RES_OK)
    res = read_reply(relay, timeout, hello, &cause);
  if (res != RES_OK)
    return lose_for(relay, what, cause, error);
  return relay->code == 421 ? lose_for_reply(relay, what, error) : RES_OK;
}

/* What the reply means where 2xx, or `good` / 100, goes on. */
static enum res
judge(struct smtp_relay *relay, const char *what, int good, GError **error)
{
  g_autofree char *line = first_line(relay);
  if (relay->code / 100 == good / 100)
    return RES_OK;
  if (relay->code / 100 == 4)
    return trouble(error, REPLY_NEXT_HOP_TROUBLE, "%s: the next hop said: %s", what, line);
  if (relay->code / 100 == 5)
    return refuse(error, REPLY_REFUSED, "%s: the next hop said: %s", what, line);
  return lose(relay, what, line, error);
}

/* ---- before the transaction ---- */

static enum res
ask_name(struct smtp_relay *relay, const char *verb, bool hello, GError **error)
{
  g_autofree char *line = g_strdup_printf("%s %s\r\n", verb, relay->options.hostname);
  return ask(relay, verb, slice_of(line), relay->options.reply_timeout, hello, error);
}

/* RFC 5321 3.2. */
static enum res
say_hello(struct smtp_relay *relay, GError **error)
{
  enum res res = ask(relay, "greeting", (struct slice){ "", 0 }, relay->options.reply_timeout, false, error);
  if (res == RES_OK)
    res = judge(relay, "greeting", 220, error);
  if (res == RES_OK)
    res = ask_name(relay, "EHLO", true, error);
  if (res != RES_OK || relay->code / 100 != 5)
    return res == RES_OK ? judge(relay, "EHLO", 250, error) : res;
  relay->offers = 0;
  g_clear_pointer(&relay->xforward, g_free);
  res = ask_name(relay, "HELO", false, error);
  return res == RES_OK ? judge(relay, "HELO", 250, error) : res;
}

enum res
smtp_relay_hello(struct smtp_relay *relay, GError **error)
{
  g_autoptr(GError) cause = NULL;
  enum res res = say_hello(relay, &cause);
  return res == RES_OK ? RES_OK : lose_for(relay, "hello", cause, error);
}

/* ---- XFORWARD ---- */

static bool
is_asked_for(const struct smtp_relay *relay, const char *name)
{
  struct slice rest = slice_of(relay->xforward);
  while (rest.n > 0) {
    struct slice word = slice_until(rest, ' ');
    if (slice_equal_nocase(word, slice_of(name)))
      return true;
    rest = slice_trim(slice_skip(rest, word.n));
  }
  return false;
}

/* RFC 3461 4: xtext. */
static void
append_attribute(GString *line, const struct smtp_attribute *attribute)
{
  g_string_append_printf(line, " %s=", attribute->name);
  for (const char *c = attribute->value; *c; c++)
    if (g_ascii_isgraph(*c) && *c != '+' && *c != '=')
      g_string_append_c(line, *c);
    else
      g_string_append_printf(line, "+%02X", (unsigned char)*c);
}

static enum res
say_attributes(struct smtp_relay *relay, GString *attributes, GError **error)
{
  if (attributes->len == 0)
    return RES_OK;
  g_autofree char *line = g_strdup_printf("XFORWARD%s\r\n", attributes->str);
  g_string_truncate(attributes, 0);
  return ask(relay, "XFORWARD", slice_of(line), relay->options.reply_timeout, false, error);
}

/* In as many commands as it takes. */
enum res
smtp_relay_xforward(struct smtp_relay *relay, const struct smtp_attribute *attributes, size_t n, GError **error)
{
  g_autoptr(GString) line = g_string_new(NULL);
  enum res res = RES_OK;
  for (size_t i = 0; i < n && res == RES_OK; i++) {
    if (attributes[i].value == NULL || !is_asked_for(relay, attributes[i].name))
      continue;
    g_autoptr(GString) next = g_string_new(NULL);
    append_attribute(next, &attributes[i]);
    if (strlen("XFORWARD") + line->len + next->len > COMMAND_MAX)
      res = say_attributes(relay, line, error);
    g_string_append(line, next->str);
  }
  if (res == RES_OK)
    res = say_attributes(relay, line, error);
  g_string_truncate(relay->reply, 0);
  return res;
}

/* ---- MAIL, RCPT ---- */

static const struct {
  struct slice keyword;
  enum offer offer;
} passed_on[] = {
  { { "SIZE", 4 }, OFFERS_SIZE },         /* RFC 1870 */
  { { "BODY", 4 }, OFFERS_8BITMIME },     /* RFC 6152 */
  { { "SMTPUTF8", 8 }, OFFERS_SMTPUTF8 }, /* RFC 6531 */
  { { "RET", 3 }, OFFERS_DSN },           /* RFC 3461 */
  { { "ENVID", 5 }, OFFERS_DSN },     { { "NOTIFY", 6 }, OFFERS_DSN }, { { "ORCPT", 5 }, OFFERS_DSN },
};

/* Adds those that go on. RES_BAD: one must, and cannot. */
static enum res
append_parameters(const struct smtp_relay *relay, struct slice parameters, GString *line, GError **error)
{
  for (struct slice rest = slice_trim(parameters); rest.n > 0;) {
    struct slice word = slice_until(rest, ' '), keyword = slice_until(word, '=');
    rest = slice_trim(slice_skip(rest, word.n));
    for (size_t i = 0; i < G_N_ELEMENTS(passed_on); i++) {
      if (!slice_equal_nocase(keyword, passed_on[i].keyword))
        continue;
      if (relay->offers & passed_on[i].offer)
        g_string_append_printf(line, " %.*s", SLICE_FMT(word));
      else if (passed_on[i].offer == OFFERS_SMTPUTF8)
        return refuse(error, REPLY_NO_SMTPUTF8, "the next hop does not offer it");
    }
  }
  return RES_OK;
}

static enum res
say_path(struct smtp_relay *relay, const char *verb, struct slice path, struct slice parameters, GError **error)
{
  g_autoptr(GString) line = g_string_new(NULL);
  g_string_append_printf(line, "%s:<%.*s>", verb, SLICE_FMT(path));
  g_string_truncate(relay->reply, 0);
  enum res res = append_parameters(relay, parameters, line, error);
  if (res != RES_OK)
    return res;
  g_string_append(line, "\r\n");
  res = ask(relay, verb, (struct slice){ line->str, line->len }, relay->options.reply_timeout, false, error);
  return res == RES_OK ? judge(relay, verb, 250, error) : res;
}

enum res
smtp_relay_mail(struct smtp_relay *relay, struct slice path, struct slice parameters, GError **error)
{
  return say_path(relay, "MAIL FROM", path, parameters, error);
}

enum res
smtp_relay_rcpt(struct smtp_relay *relay, struct slice path, struct slice parameters, GError **error)
{
  return say_path(relay, "RCPT TO", path, parameters, error);
}

/* ---- the message ---- */

enum res
smtp_relay_data(struct smtp_relay *relay, GError **error)
{
  enum res res = ask(relay, "DATA", SLICE("DATA\r\n"), relay->options.reply_timeout, false, error);
  if (res == RES_OK)
    res = judge(relay, "DATA", 354, error);
  if (res != RES_OK)
    return res;
  g_string_truncate(relay->reply, 0);
  relay->in_message = true;
  dot_encoder_init(&relay->dots);
  return RES_OK;
}

enum res
smtp_relay_octets(struct smtp_relay *relay, struct slice octets, GError **error)
{
  g_autoptr(GError) cause = NULL;
  if (relay->lost)
    return trouble(error, REPLY_NEXT_HOP_TROUBLE, "message: the connection was lost before");
  stream_deadline(relay->stream, clock_monotonic() + relay->options.reply_timeout);
  return dot_encoder_write(&relay->dots, relay->stream, octets, &cause) == RES_OK ? RES_OK : lose_for(relay, "message", cause, error);
}

/* A server that answers before it has seen the end does not answer the message. */
enum res
smtp_relay_end(struct smtp_relay *relay, GError **error)
{
  g_autoptr(GError) cause = NULL;
  if (relay->lost)
    return trouble(error, REPLY_NEXT_HOP_TROUBLE, "message: the connection was lost before");
  if (has_spoken(relay))
    return lose(relay, "message", "the server has spoken before its end, or closed the connection", error);
  stream_deadline(relay->stream, clock_monotonic() + relay->options.reply_timeout);
  enum res res = dot_encoder_end(&relay->dots, relay->stream, &cause);
  if (res == RES_OK)
    res = read_reply(relay, relay->options.taken_timeout, false, &cause);
  if (res != RES_OK)
    return lose_for(relay, "end of the message", cause, error);
  if (relay->code == 421)
    return lose_for_reply(relay, "end of the message", error);
  relay->in_message = false;
  return judge(relay, "end of the message", 250, error);
}
