#include "door/dsn.h"
#include "door/lmtp_command.h"
#include "door/parameters.h"
#include "door/xforward.h"

static void
fuzz_mail_parameters(struct slice text)
{
  struct mail_parameters parameters;
  if (mail_parameters_parse(text, &parameters, NULL) != RES_OK)
    return;
  g_assert(parameters.size >= 0);
  if (parameters.envid)
    g_assert(strlen(parameters.envid) <= DSN_ENVID_MAX && g_str_is_ascii(parameters.envid) && !strpbrk(parameters.envid, "\r\n"));
  mail_parameters_clear(&parameters);
}

static void
fuzz_rcpt_parameters(struct slice text)
{
  struct rcpt_parameters parameters;
  if (rcpt_parameters_parse(text, &parameters, NULL) != RES_OK)
    return;
  g_assert(!(parameters.notify & DOOR_NOTIFY_NEVER) || parameters.notify == DOOR_NOTIFY_NEVER);
  if (parameters.orcpt)
    g_assert(strchr(parameters.orcpt, ';') && g_utf8_validate(parameters.orcpt, -1, NULL) && !strpbrk(parameters.orcpt, "\r\n"));
  rcpt_parameters_clear(&parameters);
}

static void
fuzz_path(struct slice arg, struct slice keyword, void (*parameters)(struct slice text))
{
  struct slice path, rest;
  if (lmtp_command_path(arg, keyword, &path, &rest, NULL) != RES_OK)
    return;
  g_assert(path.n + rest.n < arg.n);
  parameters(rest);
}

static void
fuzz_xforward(struct slice arg)
{
  struct door_xforward xforward = { 0 };
  if (xforward_parse(arg, &xforward, NULL) == RES_OK && xforward.helo) {
    g_assert(strlen(xforward.helo) <= 255 && g_utf8_validate(xforward.helo, -1, NULL));
    for (const char *p = xforward.helo; *p; p = g_utf8_next_char(p))
      g_assert(!g_unichar_iscntrl(g_utf8_get_char(p)));
  }
  xforward_clear(&xforward);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct lmtp_command command;
  g_autoptr(GError) error = NULL;
  if (lmtp_command_parse(PROTOCOL_LMTP, (struct slice){ (const char *)data, size }, &command, &error) != RES_OK) {
    g_assert(error != NULL);
    return 0;
  }
  int64_t octets;
  bool last;
  switch (command.verb) {
  case LMTP_MAIL:
    fuzz_path(command.arg, SLICE("FROM:"), fuzz_mail_parameters);
    break;
  case LMTP_RCPT:
    fuzz_path(command.arg, SLICE("TO:"), fuzz_rcpt_parameters);
    break;
  case LMTP_BDAT:
    if (lmtp_command_chunk(command.arg, &octets, &last, NULL) == RES_OK)
      g_assert(octets >= 0);
    break;
  case LMTP_XFORWARD:
    fuzz_xforward(command.arg);
    break;
  default:
    break;
  }
  return 0;
}
