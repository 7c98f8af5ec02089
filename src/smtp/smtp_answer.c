#include "smtp/smtp_answer.h"

/* 421: the server is about to close (RFC 5321 3.8), whatever the command was. Codes that no command may be answered with are treated alike. */
static bool
is_lost(const struct smtp_reply *reply)
{
  return reply->code == 421 || reply->code / 100 == 3;
}

static enum res
lost(const struct smtp_reply *reply, GError **error)
{
  return trouble(error, REPLY_TROUBLE, "the server said: %s", reply->text);
}

static int
keep(struct smtp_peer *peer, struct smtp_transaction *t, const struct smtp_reply *reply)
{
  return smtp_transaction_reply(t, peer, smtp_reply_text(reply));
}

/* The same for a refusal that would be every copy's. A personal copy's is its own. */
static int
keep_refusal(struct smtp_peer *peer, struct smtp_transaction *t, const struct smtp_reply *reply)
{
  int number = keep(peer, t, reply);
  if (reply->code / 100 == 5 && t->mail->shape == SHAPE_BATCH)
    t->mail->refused = number;
  return number;
}

static enum outcome
refusal(const struct smtp_reply *reply)
{
  return reply->code / 100 == 5 ? OUTCOME_FAILED : OUTCOME_DEFERRED;
}

static enum res
take_rset(struct smtp_peer *peer, const struct smtp_awaited *awaited, bool whole, const struct smtp_reply *reply, GError **error)
{
  (void)awaited, (void)whole;
  if (reply->code / 100 != 2)
    return lost(reply, error);
  peer->dirty = false;
  peer->resets += peer->refusals > 0;
  return RES_OK;
}

/* Of a batch, a refusal of MAIL is about the message as a whole, here or in any further transaction; what runs already gets its own answer. */
static enum res
take_mail(struct smtp_peer *peer, const struct smtp_awaited *awaited, bool whole, const struct smtp_reply *reply, GError **error)
{
  struct smtp_transaction *t = awaited->transaction;
  (void)whole;
  if (is_lost(reply))
    return lost(reply, error);
  t->refused = reply->code / 100 != 2;
  if (!t->refused)
    return RES_OK;
  peer->congested = peer->congested || reply->code / 100 == 4;
  int number = keep_refusal(peer, t, reply);
  smtp_transaction_settle_all(t, refusal(reply), number);
  for (size_t i = 0; i < t->mail->n && t->mail->shape == SHAPE_BATCH; i++)
    if (t->mail->recipients[i].outcome == OUTCOME_PENDING && t->mail->recipients[i].transaction == 0)
      smtp_transaction_settle(t, i, refusal(reply), number);
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

static void
accept_recipient(struct smtp_transaction *t, size_t i)
{
  t->mail->recipients[i].accepted = true;
  t->accepted++;
}

static enum res
take_rcpt(struct smtp_peer *peer, const struct smtp_awaited *awaited, bool whole, const struct smtp_reply *reply, GError **error)
{
  struct smtp_transaction *t = awaited->transaction;
  (void)whole;
  if (is_lost(reply)) {
    if (!t->refused)
      smtp_transaction_release(t, awaited->recipient);
    return lost(reply, error);
  }
  if (t->refused)
    return RES_OK;
  if (reply->code / 100 == 2) {
    accept_recipient(t, awaited->recipient);
  } else if (is_too_many(reply) && t->accepted > 0) {
    peer->max_recipients = MIN(peer->max_recipients, t->accepted);
    smtp_transaction_release(t, awaited->recipient);
  } else {
    bool for_now = reply->code / 100 == 4 || is_too_many(reply);
    smtp_transaction_settle(t, awaited->recipient, for_now ? OUTCOME_DEFERRED : blames_us(reply->code) ? OUTCOME_FAILED : OUTCOME_BOUNCED, keep(peer, t, reply));
  }
  return RES_OK;
}

static enum res
take_data(struct smtp_peer *peer, const struct smtp_awaited *awaited, bool whole, const struct smtp_reply *reply, GError **error)
{
  struct smtp_transaction *t = awaited->transaction;
  (void)whole;
  t->wanted = reply->code == 354;
  if (t->wanted)
    return RES_OK;
  peer->dirty = true;
  if (t->accepted > 0 && reply->code != 421)
    smtp_transaction_settle_all(t, refusal(reply), keep_refusal(peer, t, reply));
  return is_lost(reply) || reply->code / 100 == 2 ? lost(reply, error) : RES_OK;
}

/* One reply for all accepted recipients. One that came before all of the content had left can only be a refusal. After BDAT failed nobody knows
 * whether the transaction goes on (RFC 3030 4.2). */
static enum res
take_content(struct smtp_peer *peer, const struct smtp_awaited *awaited, bool whole, const struct smtp_reply *reply, GError **error)
{
  struct smtp_transaction *t = awaited->transaction;
  int class = reply->code / 100;
  peer->dirty = peer->dirty || (t->chunked && class != 2);
  peer->congested = peer->congested || reply->code == 451 || reply->code == 452;
  if (t->accepted > 0 && (whole || class == 5 || (class == 4 && reply->code != 421)))
    smtp_transaction_settle_all(t, class == 2 ? OUTCOME_SENT : refusal(reply), keep_refusal(peer, t, reply));
  return is_lost(reply) || !whole ? lost(reply, error) : RES_OK;
}

/* After a reply that made the connection useless the server may still take messages that were on their way. What it says against them may come
 * from the same confusion: nobody fails by it. */
static void
take_late(struct smtp_peer *peer, const struct smtp_awaited *awaited, bool whole, const struct smtp_reply *reply)
{
  struct smtp_transaction *t = awaited->transaction;
  bool yes = reply->code / 100 == 2;
  if (awaited->command == SMTP_MAIL)
    t->refused = !yes && !is_lost(reply);
  else if (awaited->command == SMTP_RCPT && yes && !t->refused)
    accept_recipient(t, awaited->recipient);
  else if (awaited->command == SMTP_RCPT && !t->refused)
    smtp_transaction_release(t, awaited->recipient);
  else if (awaited->command == SMTP_CONTENT && whole && t->accepted > 0)
    smtp_transaction_settle_all(t, yes ? OUTCOME_SENT : OUTCOME_DEFERRED, keep(peer, t, reply));
}

/* 421 after so many refusals says that they were too many, and not that the server has too much to do. */
static void
count(struct smtp_peer *peer, const struct smtp_awaited *awaited, const struct smtp_reply *reply)
{
  peer->congested = peer->congested || (reply->code == 421 && peer->refusals < SMTP_REFUSALS_MAX);
  if (reply->code / 100 >= 4 && !is_too_many(reply)) {
    peer->refusals++;
    peer->agreed = 0;
    if (peer->refusals >= SMTP_REFUSALS_MAX && awaited->transaction)
      awaited->transaction->mail->many_refused = true;
    return;
  }
  peer->agreed++;
  if (awaited->command == SMTP_CONTENT && reply->code / 100 == 2 && awaited->transaction->accepted > 0)
    peer->refusals = 0;
}

bool
smtp_answer_is_worn(const struct smtp_peer *peer)
{
  return peer->refusals >= SMTP_REFUSALS_MAX || peer->resets >= SMTP_RESETS_MAX;
}

enum res
smtp_answer_take(struct smtp_peer *peer, const struct smtp_awaited *awaited, bool whole, const struct smtp_reply *reply, GError **error)
{
  static enum res (*const takers[SMTP_COMMANDS])(struct smtp_peer *, const struct smtp_awaited *, bool, const struct smtp_reply *, GError **) = {
    [SMTP_RSET] = take_rset, [SMTP_MAIL] = take_mail, [SMTP_RCPT] = take_rcpt, [SMTP_DATA] = take_data, [SMTP_CONTENT] = take_content,
  };
  peer->answered = true;
  count(peer, awaited, reply);
  if (peer->gone_astray) {
    take_late(peer, awaited, whole, reply);
    return RES_OK;
  }
  enum res res = takers[awaited->command](peer, awaited, whole, reply, error);
  peer->gone_astray = res != RES_OK;
  return res;
}
