#include "smtp/smtp_command.h"

/* RFC 3461 4.4 and 4.2: octets of the values at most. */
#define ENVID_MAX 100
#define ORCPT_MAX 500

/* RFC 3461 4: what is not printable ASCII, '+' and '=' become "+" and two hexadecimal digits. */
static void
append_xtext(GString *line, const char *text)
{
  for (const char *p = text; *p; p++)
    if (g_ascii_isgraph(*p) && *p != '+' && *p != '=')
      g_string_append_c(line, *p);
    else
      g_string_append_printf(line, "+%02X", (unsigned)(unsigned char)*p);
}

/* RFC 6533 3, utf-8-addr-xtext: the same by characters, as \x{…}. It needs no SMTPUTF8. `text` is valid UTF-8. */
static void
append_utf8_xtext(GString *line, const char *text)
{
  for (const char *p = text; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    if (c < 0x80 && g_ascii_isgraph((char)c) && c != '+' && c != '=' && c != '\\')
      g_string_append_c(line, (char)c);
    else
      g_string_append_printf(line, "\\x{%02X}", c);
  }
}

static void
append_envid(GString *line, const char *id)
{
  size_t before = line->len;
  g_string_append(line, " ENVID=");
  size_t start = line->len;
  append_xtext(line, id);
  if (line->len == start || line->len - start > ENVID_MAX)
    g_string_truncate(line, before);
}

static void
append_orcpt(GString *line, const char *address)
{
  size_t before = line->len;
  g_string_append(line, " ORCPT=");
  size_t start = line->len;
  bool valid = true;
  if (g_str_is_ascii(address)) {
    g_string_append(line, "rfc822;");
    append_xtext(line, address);
  } else {
    valid = g_utf8_validate(address, -1, NULL);
    g_string_append(line, "utf-8;");
    if (valid)
      append_utf8_xtext(line, address);
  }
  if (!valid || line->len - start > ORCPT_MAX)
    g_string_truncate(line, before);
}

void
smtp_command_mail(const struct smtp_transaction *t, const struct ehlo *ehlo, GString *line)
{
  const char *sender = transmission_sender(t->mail, t->recipients[0]);
  bool utf8 = ehlo->smtputf8 && t->utf8;
  g_string_printf(line, "MAIL FROM:<%s>", sender);
  if (ehlo->size)
    g_string_append_printf(line, " SIZE=%zu", t->size);
  if (ehlo->eight_bit && (t->eight_bit || utf8))
    g_string_append(line, " BODY=8BITMIME");
  if (utf8)
    g_string_append(line, " SMTPUTF8");
  if (ehlo->dsn) {
    g_string_append(line, " RET=HDRS");
    if (t->mail->envelope_id)
      append_envid(line, t->mail->envelope_id);
  }
  if (ehlo->xverp && t->mail->shape == SHAPE_BATCH && *sender)
    g_string_append(line, " XVERP=+=");
  g_string_append(line, "\r\n");
}

/* Nobody is told about mail that has no sender. */
void
smtp_command_rcpt(const struct smtp_transaction *t, const struct ehlo *ehlo, size_t i, GString *line)
{
  const struct transmission_recipient *recipient = &t->mail->recipients[i];
  g_string_printf(line, "RCPT TO:<%s>", recipient->address);
  if (ehlo->dsn && *transmission_sender(t->mail, i) == '\0')
    g_string_append(line, " NOTIFY=NEVER");
  else if (ehlo->dsn) {
    g_string_append(line, " NOTIFY=FAILURE,DELAY");
    append_orcpt(line, recipient->original ? recipient->original : recipient->address);
  }
  g_string_append(line, "\r\n");
}
