#include "smtp/smtp_form.h"

/* All that is pending fails with a reply of ours. */
static void
fail_all(struct transmission *mail, enum reply reply, const char *detail)
{
  if (transmission_pending(mail) == 0)
    return;
  mail->refused = transmission_own_reply(mail, reply, detail);
  transmission_settle(mail, OUTCOME_FAILED, mail->refused);
}

/* Another form than the one it has, where the server needs one. */
static enum res
make_form(const struct ehlo *ehlo, struct transmission *mail, const struct copy_form **form, GError **error)
{
  bool no_utf8 = mail->as_is->header_utf8 && !ehlo->smtputf8, no_eight_bit = mail->as_is->eight_bit && !ehlo->eight_bit;
  *form = mail->as_is;
  if (!no_utf8 && !no_eight_bit)
    return RES_OK;
  if (mail->make_form == NULL) {
    if (no_utf8)
      fail_all(mail, REPLY_NO_SMTPUTF8, "the outlet has no SMTPUTF8, which this message needs");
    fail_all(mail, REPLY_NO_CONVERSION, "the outlet has no 8BITMIME, which this message needs");
    return RES_OK;
  }
  g_autoptr(GError) cause = NULL;
  enum res res = mail->make_form(mail->make_form_arg, no_eight_bit ? FORM_SEVEN_BIT : FORM_ASCII_HEADER, form, &cause);
  if (res == RES_BAD) {
    *form = mail->as_is;
    fail_all(mail, error_reply(cause, REPLY_NO_CONVERSION), cause->message);
  } else if (res != RES_OK)
    g_propagate_error(error, g_steal_pointer(&cause));
  return res == RES_BAD ? RES_OK : res;
}

/* --- single recipients --- */

struct check {
  const struct ehlo *ehlo;
  struct transmission *mail;
  const struct copy_form *form;
};

static bool
is_too_large(const struct check *check, size_t i)
{
  return check->ehlo->size_max > 0 && transmission_size(check->mail, check->form, i) > check->ehlo->size_max;
}

static bool
sender_needs_utf8(const struct check *check, size_t i)
{
  return !check->ehlo->smtputf8 && octets_are_8bit(slice_of(transmission_sender(check->mail, i)));
}

static bool
recipient_needs_utf8(const struct check *check, size_t i)
{
  return !check->ehlo->smtputf8 && octets_are_8bit(slice_of(check->mail->recipients[i].address));
}

static bool
header_needs_utf8(const struct check *check, size_t i)
{
  return !check->ehlo->smtputf8 && (transmission_own_is_8bit(check->mail, check->form, i, SLOT_TO) ||
                                    transmission_own_is_8bit(check->mail, check->form, i, SLOT_UNSUBSCRIBE));
}

static bool
footer_is_8bit(const struct check *check, size_t i)
{
  return !check->ehlo->eight_bit && transmission_own_is_8bit(check->mail, check->form, i, SLOT_FOOTER);
}

/* `whole`: in a batch it is about all recipients. No detail: the size that the server takes. */
static const struct {
  bool (*hits)(const struct check *check, size_t recipient);
  enum reply reply;
  bool whole;
  const char *detail;
} checks[] = {
  { is_too_large, REPLY_TOO_LARGE, true, NULL },
  { sender_needs_utf8, REPLY_NO_SMTPUTF8, true, "the outlet has no SMTPUTF8, which the envelope sender needs" },
  { recipient_needs_utf8, REPLY_NO_SMTPUTF8, false, "the outlet has no SMTPUTF8, which this address needs" },
  { header_needs_utf8, REPLY_NO_SMTPUTF8, false, "the outlet has no SMTPUTF8, which this copy needs" },
  { footer_is_8bit, REPLY_NO_CONVERSION, false, "the outlet has no 8BITMIME, which this copy needs" },
};

static char *
detail_of(const struct check *check, size_t row)
{
  return checks[row].detail ? g_strdup(checks[row].detail) : g_strdup_printf("the outlet takes %" G_GINT64_FORMAT " octets", check->ehlo->size_max);
}

static void
fail_each(const struct check *check, size_t row)
{
  struct transmission *mail = check->mail;
  g_autofree char *detail = detail_of(check, row);
  int reply = -1;
  for (size_t i = 0; i < mail->n; i++) {
    if (mail->recipients[i].outcome != OUTCOME_PENDING || !checks[row].hits(check, i))
      continue;
    if (reply < 0)
      reply = transmission_own_reply(mail, checks[row].reply, detail);
    mail->recipients[i].outcome = OUTCOME_FAILED;
    mail->recipients[i].reply = reply;
  }
}

enum res
smtp_form_choose(const struct ehlo *ehlo, struct transmission *mail, const struct copy_form **form, GError **error)
{
  enum res res = make_form(ehlo, mail, form, error);
  if (res != RES_OK || mail->n == 0)
    return res;
  const struct check check = { ehlo, mail, *form };
  for (size_t row = 0; row < G_N_ELEMENTS(checks); row++)
    if (!checks[row].whole || mail->shape == SHAPE_PERSONAL)
      fail_each(&check, row);
    else if (checks[row].hits(&check, 0)) {
      g_autofree char *detail = detail_of(&check, row);
      fail_all(mail, checks[row].reply, detail);
    }
  return RES_OK;
}
