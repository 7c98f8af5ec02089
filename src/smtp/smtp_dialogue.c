/* Flights (C: what is written before anything is awaited; N copies cost N of them with DATA, and few in all with BDAT):
 *
 *   PIPELINING, CHUNKING    C: MAIL RCPT… BDAT octets RSET MAIL RCPT… BDAT octets RSET …    bounded by SMTP_REPLIES_MAX and SMTP_OCTETS_MAX
 *   …, a big message        C: MAIL RCPT…   C: BDAT octets RSET MAIL RCPT…   C: BDAT octets …
 *   PIPELINING              C: MAIL RCPT… DATA   C: octets . MAIL RCPT… DATA   C: octets . …      (RFC 2920 3.1: DATA is the last)
 *   neither                 C: MAIL   C: RCPT   C: …   C: DATA or BDAT   C: octets .
 */
#include "smtp/smtp_dialogue.h"
#include "base/crash_point.h"
#include "smtp/smtp_answer.h"
#include "smtp/smtp_command.h"
#include "smtp/smtp_content.h"
#include "smtp/smtp_flight.h"

/* The server takes no more recipients with this message, or has refused so many that it had better take one first. */
static bool
is_enough(const struct smtp_peer *peer, const struct smtp_transaction *t)
{
  return t->accepted >= peer->max_recipients || peer->refusals >= SMTP_REFUSALS_MAX;
}

/* A transaction that follows a BDAT not answered yet must begin with RSET: if that fails, the one before it is still open (RFC 3030 4.2). */
static enum res
say_envelope(struct smtp_peer *peer, struct smtp_transaction *t, GError **error)
{
  g_autoptr(GString) line = g_string_new(NULL);
  enum res res = RES_OK;
  if (peer->dirty || (t->chunked && peer->n > 0))
    res = smtp_flight_say(peer, SMTP_RSET, NULL, 0, SLICE("RSET\r\n"), error);
  if (res == RES_OK) {
    smtp_command_mail(t, &peer->ehlo, line);
    res = smtp_flight_say(peer, SMTP_MAIL, t, 0, (struct slice){ line->str, line->len }, error);
    CRASH_POINT("transaction-begun");
  }
  for (size_t i = 0; i < t->n && res == RES_OK; i++) {
    res = smtp_flight_room(peer, 0, error);
    if (res != RES_OK || t->refused)
      return res;
    if (is_enough(peer, t)) {
      smtp_transaction_cut(t, i);
      return smtp_flight_drain(peer, 0, error);
    }
    smtp_command_rcpt(t, &peer->ehlo, t->recipients[i], line);
    res = smtp_flight_say(peer, SMTP_RCPT, t, t->recipients[i], (struct slice){ line->str, line->len }, error);
  }
  return res;
}

/* The octets of a big message, and those of a personal copy behind one that was refused, wait until it is known that somebody is to get them:
 * else the server would refuse them too. */
static bool
asks_first(const struct smtp_peer *peer, const struct smtp_transaction *t)
{
  return (t->chunked && t->size > SMTP_BIG) || (peer->personal && peer->refusals > 0);
}

/* Without an accepted recipient there is nothing to send; but if DATA was pipelined and answered 354, an empty message must end it (RFC 2920 3.1). */
static enum res
send_data(struct smtp_peer *peer, struct smtp_transaction *t, GError **error)
{
  enum res res = asks_first(peer, t) ? smtp_flight_drain(peer, 0, error) : RES_OK;
  if (res == RES_OK && smtp_transaction_is_hopeless(t)) {
    peer->dirty = true;
    return RES_OK;
  }
  if (res == RES_OK)
    res = smtp_flight_say(peer, SMTP_DATA, t, 0, SLICE("DATA\r\n"), error);
  if (res == RES_OK)
    res = smtp_flight_drain(peer, 0, error);
  return res == RES_OK && t->wanted ? smtp_content_data(peer, t, t->accepted == 0, error) : res;
}

static enum res
send_bdat(struct smtp_peer *peer, struct smtp_transaction *t, GError **error)
{
  enum res res = asks_first(peer, t) ? smtp_flight_drain(peer, 0, error) : smtp_flight_room(peer, t->size, error);
  if (res == RES_OK && smtp_transaction_is_hopeless(t)) {
    peer->dirty = true;
    return RES_OK;
  }
  return res == RES_OK ? smtp_content_bdat(peer, t, error) : res;
}

static bool
own_is_clean(const struct smtp_transaction *t)
{
  for (enum slot slot = 0; slot < SLOT_COUNT; slot++)
    if (!smtp_content_is_clean(t->mail->recipients[t->recipients[0]].own[slot]))
      return false;
  return true;
}

static enum res
run_transaction(struct smtp_peer *peer, struct smtp_transaction *t, GError **error)
{
  enum res res = say_envelope(peer, t, error);
  if (res != RES_OK)
    return res;
  return t->chunked ? send_bdat(peer, t, error) : send_data(peer, t, error);
}

/* Replies may leave recipients for another transaction: those one too many for theirs. */
enum res
smtp_dialogue_run(struct smtp_peer *peer, struct transmission *mail, const struct copy_form *form, GError **error)
{
  g_autoptr(GError) cause = NULL;
  bool chunks = peer->ehlo.chunking && smtp_content_is_clean(form->header) && smtp_content_is_clean(form->body);
  peer->personal = mail->shape == SHAPE_PERSONAL;
  /* To this machine a round trip costs nothing. */
  peer->short_flights = mail->many_refused || stream_is_local(peer->stream);
  peer->agreed = 0;
  enum res res = smtp_flight_check(peer, &cause);
  while (res == RES_OK) {
    if (smtp_answer_is_worn(peer))
      res = smtp_flight_drain(peer, 0, &cause);
    if (res != RES_OK || smtp_answer_is_worn(peer))
      break;
    OWN(smtp_transaction) t = smtp_transaction_next(peer, mail, form);
    if (t != NULL) {
      t->chunked = chunks && own_is_clean(t);
      res = run_transaction(peer, t, &cause);
    } else if (peer->n > 0)
      res = smtp_flight_drain(peer, 0, &cause);
    else
      return RES_OK;
  }
  if (res == RES_OK)
    return transmission_pending(mail) > 0 ? RES_MORE : RES_OK;
  smtp_flight_abandon(peer, &cause);
  for (size_t i = 0; i < mail->n; i++)
    mail->recipients[i].transaction = 0;
  g_propagate_error(error, g_steal_pointer(&cause));
  return RES_TEMP;
}
