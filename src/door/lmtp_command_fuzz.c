#include "door/lmtp_command.h"
#include "door/parameters.h"
#include "door/xforward.h"

static void
fuzz_path(struct slice arg, struct slice keyword, bool mail)
{
  struct slice path, rest;
  struct mail_parameters parameters;
  if (lmtp_command_path(arg, keyword, &path, &rest, NULL) != RES_OK)
    return;
  g_assert(path.n + rest.n < arg.n);
  if (!mail)
    (void)(rcpt_parameters_check(rest, NULL) == RES_OK);
  else if (mail_parameters_parse(rest, &parameters, NULL) == RES_OK)
    g_assert(parameters.size >= 0);
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
  if (lmtp_command_parse((struct slice){ (const char *)data, size }, &command, &error) != RES_OK) {
    g_assert(error != NULL);
    return 0;
  }
  int64_t octets;
  bool last;
  switch (command.verb) {
  case LMTP_MAIL:
    fuzz_path(command.arg, SLICE("FROM:"), true);
    break;
  case LMTP_RCPT:
    fuzz_path(command.arg, SLICE("TO:"), false);
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
