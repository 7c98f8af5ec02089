#include "smtp/smtp_transaction.h"

static bool
is_utf8(const char *address)
{
  return octets_are_8bit(slice_of(address));
}

static bool
is_waiting(const struct transmission_recipient *recipient)
{
  return recipient->outcome == OUTCOME_PENDING && recipient->transaction == 0;
}

/* SMTPUTF8 is asked for only if the message or an address needs it (RFC 6531 3.4), and it speaks for the whole transaction: so addresses that
 * need it go together, and make the message no internationalised one for the others. */
static bool
needs_utf8(const struct transmission *mail, const struct copy_form *form, size_t i)
{
  const struct transmission_recipient *recipient = &mail->recipients[i];
  return form->header_utf8 || is_utf8(transmission_sender(mail, i)) || is_utf8(recipient->address) ||
         transmission_own_is_8bit(mail, form, i, SLOT_TO) || transmission_own_is_8bit(mail, form, i, SLOT_UNSUBSCRIBE);
}

static void
pick(struct smtp_transaction *t, size_t most)
{
  for (size_t i = 0; i < t->mail->n && t->n < most; i++) {
    struct transmission_recipient *recipient = &t->mail->recipients[i];
    if (!is_waiting(recipient))
      continue;
    bool utf8 = needs_utf8(t->mail, t->form, i);
    if (t->n == 0)
      t->utf8 = utf8;
    if (utf8 != t->utf8)
      continue;
    recipient->transaction = t->number;
    recipient->accepted = false;
    t->recipients[t->n++] = i;
  }
}

struct smtp_transaction *
smtp_transaction_next(struct smtp_peer *peer, struct transmission *mail, const struct copy_form *form)
{
  size_t waiting = 0, most = mail->shape == SHAPE_PERSONAL ? 1 : peer->max_recipients;
  for (size_t i = 0; i < mail->n && waiting < most; i++)
    waiting += is_waiting(&mail->recipients[i]);
  if (waiting == 0)
    return NULL;

  struct smtp_transaction *t = g_malloc(sizeof(*t) + waiting * sizeof(t->recipients[0]));
  *t = (struct smtp_transaction){ .refs = 1, .number = ++peer->transactions, .mail = mail, .form = form };
  pick(t, waiting);
  t->size = (size_t)transmission_size(mail, form, t->recipients[0]);
  t->eight_bit = form->eight_bit;
  for (enum slot slot = 0; slot < SLOT_COUNT; slot++)
    t->eight_bit = t->eight_bit || transmission_own_is_8bit(mail, form, t->recipients[0], slot);
  return t;
}

struct smtp_transaction *
smtp_transaction_ref(struct smtp_transaction *t)
{
  t->refs++;
  return t;
}

void
smtp_transaction_unref(struct smtp_transaction *t)
{
  if (t != NULL && --t->refs == 0)
    g_free(t);
}

int
smtp_transaction_reply(struct smtp_transaction *t, const struct smtp_peer *peer, char *text)
{
  const int number_max = (int)sizeof("/4294967295");
  g_snprintf(t->mail->via, sizeof(t->mail->via), "%.*s/%u", (int)sizeof(t->mail->via) - number_max, peer->name, t->number);
  return transmission_reply(t->mail, text);
}

void
smtp_transaction_settle(struct smtp_transaction *t, size_t i, enum outcome outcome, int reply)
{
  t->mail->recipients[i].outcome = outcome;
  t->mail->recipients[i].reply = reply;
  t->mail->recipients[i].transaction = 0;
}

void
smtp_transaction_release(struct smtp_transaction *t, size_t i)
{
  t->mail->recipients[i].transaction = 0;
}

void
smtp_transaction_cut(struct smtp_transaction *t, size_t n)
{
  while (t->n > n)
    smtp_transaction_release(t, t->recipients[--t->n]);
}

void
smtp_transaction_settle_all(struct smtp_transaction *t, enum outcome outcome, int reply)
{
  for (size_t i = 0; i < t->n; i++)
    if (t->mail->recipients[t->recipients[i]].transaction == t->number)
      smtp_transaction_settle(t, t->recipients[i], outcome, reply);
}

bool
smtp_transaction_is_hopeless(const struct smtp_transaction *t)
{
  return t->refused || (t->unanswered == 0 && t->accepted == 0);
}
