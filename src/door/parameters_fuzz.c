/* Parameters of MAIL and RCPT, and XFORWARD's attributes: an error with a sentence, or values fit for logs and headers. */
#include "door/parameters.h"
#include "door/dsn.h"
#include "door/xforward.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_word(const char *word, size_t max)
{
  g_assert(word == NULL || (g_utf8_validate(word, -1, NULL) && strlen(word) <= max));
  for (const char *p = word; p && *p; p++)
    g_assert((unsigned char)*p >= ' ' && *p != 127);
}

static void
check_mail(struct slice text)
{
  struct mail_parameters mail;
  g_autoptr(GError) error = NULL;
  if (mail_parameters_parse(text, &mail, &error) == RES_OK) {
    g_assert(mail.size >= 0);
    check_word(mail.envid, DSN_ENVID_MAX);
    mail_parameters_clear(&mail);
  } else
    g_assert(error && *error->message);
}

static void
check_rcpt(struct slice text)
{
  struct rcpt_parameters rcpt;
  g_autoptr(GError) error = NULL;
  if (rcpt_parameters_parse(text, &rcpt, &error) == RES_OK) {
    g_assert(!(rcpt.notify & DOOR_NOTIFY_NEVER) || rcpt.notify == DOOR_NOTIFY_NEVER);
    check_word(rcpt.orcpt, 4 * DSN_ORCPT_MAX);
    rcpt_parameters_clear(&rcpt);
  } else
    g_assert(error && *error->message);
}

static void
check_xforward(struct slice text)
{
  struct door_xforward xforward = { .name = NULL };
  g_autoptr(GError) error = NULL;
  enum res res = xforward_parse(text, &xforward, &error);
  g_assert((res == RES_OK) == (error == NULL));
  const char *const words[] = { xforward.name, xforward.addr, xforward.port, xforward.proto, xforward.helo, xforward.ident, xforward.source };
  for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
    check_word(words[i], 255);
  xforward_clear(&xforward);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct slice text = { (const char *)data, size };
  check_mail(text);
  check_rcpt(text);
  check_xforward(text);
  return 0;
}
