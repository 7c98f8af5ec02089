#include "courier/smtp_transaction.h"
#include "base/clock.h"
#include "net/dot_encoder.h"

/* RFC 5321 4.5.3.2. A block is what is written at once. */
#define WAIT_COMMAND (5 * CLOCK_MINUTE)
#define WAIT_DATA (2 * CLOCK_MINUTE)
#define WAIT_BLOCK (3 * CLOCK_MINUTE)
#define WAIT_DOT (10 * CLOCK_MINUTE)
#define BLOCK (256 * 1024)

struct transaction {
  struct smtp_peer *peer;
  struct transmission *mail;
  const struct copy_form *form;
  size_t *picked; /* the recipients, by their numbers in `mail` */
  size_t n, accepted;
  bool needs_smtputf8, mail_ok, data_sent;
};

static enum res
reply_next(struct smtp_peer *peer, int64_t wait, struct smtp_reply *reply, GError **error)
{
  stream_deadline(peer->stream, clock_monotonic() + wait);
  enum res res = smtp_reply_read(peer->stream, reply, error);
  if (res != RES_OK)
    return RES_TEMP;
  peer->answered = true;
  return RES_OK;
}

/* 421: the server is about to close (RFC 5321 3.8), whatever the command was. Codes that no command may be answered with are treated alike. */
static enum res
lost(const struct smtp_reply *reply, GError **error)
{
  return trouble(error, REPLY_TROUBLE, "the server said: %s", reply->text);
}

static bool
is_lost(const struct smtp_reply *reply)
{
  return reply->code == 421 || reply->code / 100 == 3;
}

static int
keep_reply(struct transaction *t, const struct smtp_reply *reply)
{
  return transmission_reply(t->mail, smtp_reply_text(reply));
}

/* All recipients accepted in this transaction get an outcome. */
static void
settle(struct transaction *t, enum outcome outcome, int reply)
{
  for (size_t i = 0; i < t->n; i++) {
    struct transmission_recipient *recipient = &t->mail->recipients[t->picked[i]];
    if (!recipient->accepted || recipient->outcome != OUTCOME_PENDING)
      continue;
    recipient->outcome = outcome;
    recipient->reply = reply;
  }
}

/* --- MAIL and RCPT --- */

static bool
address_is_utf8(const char *address)
{
  return octets_are_8bit(slice_of(address));
}

/* Picks the recipients of this transaction. SMTPUTF8 is asked for only if the message or an address needs it (RFC 6531 3.4), and it speaks for the whole
 * transaction: so addresses that need it go together, and make the message no internationalised one for the others. */
static void
pick(struct transaction *t)
{
  bool all = t->form->header_utf8 || address_is_utf8(t->mail->reverse_path);
  for (size_t i = 0; i < t->mail->n; i++) {
    struct transmission_recipient *recipient = &t->mail->recipients[i];
    recipient->accepted = false;
    if (recipient->outcome != OUTCOME_PENDING || t->n == t->peer->max_recipients)
      continue;
    bool needs = all || address_is_utf8(recipient->address);
    if (t->n == 0)
      t->needs_smtputf8 = needs;
    if (needs == t->needs_smtputf8)
      t->picked[t->n++] = i;
  }
}

static enum res
write_mail(struct transaction *t, GError **error)
{
  const struct ehlo *ehlo = &t->peer->ehlo;
  g_autoptr(GString) line = g_string_new(NULL);
  g_string_append_printf(line, "MAIL FROM:<%s>", t->mail->reverse_path);
  if (ehlo->size)
    g_string_append_printf(line, " SIZE=%" G_GINT64_FORMAT, transmission_size(t->mail, t->form, t->picked[0]));
  bool smtputf8 = ehlo->smtputf8 && t->needs_smtputf8;
  if (ehlo->eight_bit && (t->form->eight_bit || smtputf8))
    g_string_append(line, " BODY=8BITMIME");
  if (smtputf8)
    g_string_append(line, " SMTPUTF8");
  g_string_append(line, "\r\n");
  return stream_write(t->peer->stream, (struct slice){ line->str, line->len }, error);
}

static enum res
write_rcpts(struct transaction *t, size_t from, size_t to, GError **error)
{
  g_autoptr(GString) line = g_string_new(NULL);
  for (size_t i = from; i < to; i++) {
    g_string_printf(line, "RCPT TO:<%s>\r\n", t->mail->recipients[t->picked[i]].address);
    enum res res = stream_write(t->peer->stream, (struct slice){ line->str, line->len }, error);
    if (res != RES_OK)
      return res;
  }
  return RES_OK;
}

/* A refusal of MAIL is about the message as a whole, here or in any further transaction. */
static enum res
take_mail_reply(struct transaction *t, GError **error)
{
  struct smtp_reply reply;
  enum res res = reply_next(t->peer, WAIT_COMMAND, &reply, error);
  if (res != RES_OK)
    return res;
  if (is_lost(&reply))
    return lost(&reply, error);
  t->mail_ok = reply.code / 100 == 2;
  if (t->mail_ok)
    return RES_OK;
  int number = keep_reply(t, &reply);
  bool for_good = reply.code / 100 == 5;
  if (for_good)
    t->mail->refused = number;
  transmission_settle(t->mail, for_good ? OUTCOME_FAILED : OUTCOME_DEFERRED, number);
  return RES_OK;
}

/* RFC 5321 4.5.3.1.10: 452, and from old servers 552. 452 has other meanings (a full disk), so the enhanced code decides where there is one. */
static bool
is_too_many(const struct smtp_reply *reply)
{
  if (reply->enhanced[0])
    return (reply->code == 452 || reply->code == 552) && strcmp(reply->enhanced + 1, ".5.3") == 0;
  return reply->code == 452;
}

/* Replies to RCPT that speak of the dialogue and not of the recipient: syntax, sequence, authentication, parameters. */
static bool
blames_us(int code)
{
  return code == 500 || code == 502 || code == 503 || code == 504 || code == 530 || code == 555;
}

static enum res
take_rcpt_reply(struct transaction *t, struct transmission_recipient *recipient, GError **error)
{
  struct smtp_reply reply;
  enum res res = reply_next(t->peer, WAIT_COMMAND, &reply, error);
  if (res != RES_OK)
    return res;
  if (is_lost(&reply))
    return lost(&reply, error);
  if (!t->mail_ok)
    return RES_OK;
  if (reply.code / 100 == 2) {
    recipient->accepted = true;
    t->accepted++;
    return RES_OK;
  }
  if (is_too_many(&reply) && t->accepted > 0) {
    t->peer->max_recipients = MIN(t->peer->max_recipients, t->accepted);
    return RES_OK;
  }
  recipient->reply = keep_reply(t, &reply);
  recipient->outcome = reply.code / 100 == 4 || is_too_many(&reply) ? OUTCOME_DEFERRED : blames_us(reply.code) ? OUTCOME_FAILED : OUTCOME_BOUNCED;
  return RES_OK;
}

/* MAIL leads the first group, DATA ends the last one (RFC 2920 3.1). */
static enum res
group_run(struct transaction *t, size_t from, size_t to, GError **error)
{
  bool pipelining = t->peer->ehlo.pipelining;
  enum res res = from == 0 && pipelining ? write_mail(t, error) : RES_OK;
  if (res == RES_OK)
    res = write_rcpts(t, from, to, error);
  if (res == RES_OK && pipelining && to == t->n) {
    t->data_sent = true;
    res = stream_write(t->peer->stream, SLICE("DATA\r\n"), error);
  }
  if (res == RES_OK && from == 0 && pipelining)
    res = take_mail_reply(t, error);
  for (size_t i = from; i < to && res == RES_OK; i++)
    res = take_rcpt_reply(t, &t->mail->recipients[t->picked[i]], error);
  return res;
}

static enum res
envelope_run(struct transaction *t, GError **error)
{
  enum res res = RES_OK;
  size_t group = t->peer->ehlo.pipelining ? SMTP_GROUP_MAX : 1;
  if (!t->peer->ehlo.pipelining) {
    stream_deadline(t->peer->stream, clock_monotonic() + WAIT_BLOCK);
    res = write_mail(t, error);
    if (res == RES_OK)
      res = take_mail_reply(t, error);
  } else
    t->mail_ok = true; /* until the reply says otherwise */
  for (size_t at = 0; at < t->n && res == RES_OK && t->mail_ok; at += group) {
    stream_deadline(t->peer->stream, clock_monotonic() + WAIT_BLOCK);
    res = group_run(t, at, MIN(at + group, t->n), error);
  }
  return res;
}

/* --- DATA --- */

/* The reply to DATA. RES_MORE: the message is wanted, by 354. */
static enum res
take_data_reply(struct transaction *t, GError **error)
{
  struct smtp_reply reply;
  enum res res = reply_next(t->peer, WAIT_DATA, &reply, error);
  if (res != RES_OK)
    return res;
  if (reply.code == 354)
    return RES_MORE;
  t->peer->dirty = true;
  if (t->accepted > 0 && reply.code != 421) {
    int number = keep_reply(t, &reply);
    if (reply.code / 100 == 5)
      t->mail->refused = number;
    settle(t, reply.code / 100 == 5 ? OUTCOME_FAILED : OUTCOME_DEFERRED, number);
  }
  return is_lost(&reply) || reply.code / 100 == 2 ? lost(&reply, error) : RES_OK;
}

static enum res
write_part(struct transaction *t, struct dot_encoder *encoder, struct slice part, GError **error)
{
  enum res res = RES_OK;
  while (part.n > 0 && res == RES_OK) {
    struct slice block = slice_head(part, BLOCK);
    stream_deadline(t->peer->stream, clock_monotonic() + WAIT_BLOCK);
    res = dot_encoder_write(encoder, t->peer->stream, block, error);
    part = slice_skip(part, block.n);
  }
  return res;
}

static enum res
write_content(struct transaction *t, bool empty, GError **error)
{
  struct dot_encoder encoder;
  enum res res = RES_OK;
  dot_encoder_init(&encoder);
  if (!empty) {
    res = write_part(t, &encoder, t->form->header, error);
    if (res == RES_OK)
      res = write_part(t, &encoder, t->form->body, error);
  }
  stream_deadline(t->peer->stream, clock_monotonic() + WAIT_BLOCK);
  if (res == RES_OK)
    res = dot_encoder_end(&encoder, t->peer->stream, error);
  return res == RES_OK ? stream_flush(t->peer->stream, error) : res;
}

/* One reply for all accepted recipients. If it does not come, the server may have taken the message or not: they are tried again, at the
 * price that it may arrive twice (RFC 5321 4.5.3.2.6, RFC 1047). */
static enum res
take_dot_reply(struct transaction *t, GError **error)
{
  struct smtp_reply reply;
  enum res res = reply_next(t->peer, WAIT_DOT, &reply, error);
  if (res != RES_OK) {
    int number = transmission_reply(t->mail, g_strdup_printf("no reply to the message (%s): it may arrive twice",
                                                             error && *error ? (*error)->message : "the connection was lost"));
    settle(t, OUTCOME_DEFERRED, number);
    return res;
  }
  int number = keep_reply(t, &reply), class = reply.code / 100;
  if (class == 5 && t->accepted > 0)
    t->mail->refused = number;
  settle(t, class == 2 ? OUTCOME_SENT : class == 5 ? OUTCOME_FAILED : OUTCOME_DEFERRED, number);
  return is_lost(&reply) ? lost(&reply, error) : RES_OK;
}

/* Without an accepted recipient there is nothing to send; but if DATA was pipelined and answered 354, an empty message must end it (RFC 2920 3.1). */
static enum res
content_run(struct transaction *t, GError **error)
{
  if (!t->data_sent && t->accepted == 0) {
    t->peer->dirty = true;
    return RES_OK;
  }
  enum res res = RES_OK;
  if (!t->data_sent) {
    stream_deadline(t->peer->stream, clock_monotonic() + WAIT_BLOCK);
    res = stream_write(t->peer->stream, SLICE("DATA\r\n"), error);
  }
  if (res == RES_OK)
    res = take_data_reply(t, error);
  if (res != RES_MORE)
    return res;
  res = write_content(t, t->accepted == 0, error);
  return res == RES_OK ? take_dot_reply(t, error) : res;
}

/* --- the whole --- */

static enum res
reset(struct smtp_peer *peer, GError **error)
{
  struct smtp_reply reply;
  stream_deadline(peer->stream, clock_monotonic() + WAIT_BLOCK);
  enum res res = stream_write(peer->stream, SLICE("RSET\r\n"), error);
  if (res == RES_OK)
    res = reply_next(peer, WAIT_COMMAND, &reply, error);
  if (res == RES_OK && reply.code / 100 != 2)
    res = lost(&reply, error);
  peer->dirty = false;
  return res;
}

enum res
smtp_transaction_run(struct smtp_peer *peer, struct transmission *transmission, GError **error)
{
  if (peer->dirty) {
    enum res res = reset(peer, error);
    if (res != RES_OK)
      return res;
  }
  g_autofree size_t *picked = g_new(size_t, MIN(transmission->n, peer->max_recipients));
  struct transaction t = { .peer = peer, .mail = transmission, .form = transmission->as_is, .picked = picked };
  pick(&t);
  enum res res = envelope_run(&t, error);
  return res == RES_OK ? content_run(&t, error) : res;
}
