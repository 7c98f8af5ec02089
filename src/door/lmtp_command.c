#include "door/lmtp_command.h"
#include "envelope/address.h"

/* How much of an unknown verb is said back. */
#define VERB_SHOWN 20

enum argument { NONE, OPTIONAL, REQUIRED };

#define LMTP (1u << PROTOCOL_LMTP)
#define SMTP (1u << PROTOCOL_SMTP)

static const struct {
  struct slice name;
  enum argument argument;
  unsigned protocols;
} verbs[LMTP_VERBS] = {
  [LMTP_LHLO] = { { "LHLO", 4 }, REQUIRED, LMTP },
  [LMTP_EHLO] = { { "EHLO", 4 }, REQUIRED, SMTP },
  [LMTP_HELO] = { { "HELO", 4 }, REQUIRED, SMTP },
  [LMTP_MAIL] = { { "MAIL", 4 }, REQUIRED, LMTP | SMTP },
  [LMTP_RCPT] = { { "RCPT", 4 }, REQUIRED, LMTP | SMTP },
  [LMTP_DATA] = { { "DATA", 4 }, NONE, LMTP | SMTP },
  [LMTP_BDAT] = { { "BDAT", 4 }, OPTIONAL, LMTP | SMTP }, /* missing: as wrong as any other (lmtp_command_chunk) */
  [LMTP_RSET] = { { "RSET", 4 }, NONE, LMTP | SMTP },
  [LMTP_NOOP] = { { "NOOP", 4 }, OPTIONAL, LMTP | SMTP },
  [LMTP_VRFY] = { { "VRFY", 4 }, OPTIONAL, LMTP | SMTP },
  [LMTP_HELP] = { { "HELP", 4 }, OPTIONAL, LMTP | SMTP },
  [LMTP_QUIT] = { { "QUIT", 4 }, NONE, LMTP | SMTP },
  [LMTP_XFORWARD] = { { "XFORWARD", 8 }, REQUIRED, LMTP | SMTP },
  [LMTP_STARTTLS] = { { "STARTTLS", 8 }, NONE, LMTP | SMTP },
};

static const struct {
  const char *name, *hello, *verbs;
} names[PROTOCOLS] = {
  [PROTOCOL_LMTP] = { "LMTP", "LHLO", "LHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT XFORWARD" },
  [PROTOCOL_SMTP] = { "SMTP", "EHLO", "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT XFORWARD" },
};

const char *
lmtp_command_verbs(enum door_protocol protocol)
{
  return names[protocol].verbs;
}

static enum res
unknown(struct slice verb, GError **error)
{
  return refuse(error, REPLY_UNKNOWN_COMMAND, "\"%.*s\"", SLICE_FMT(slice_head(verb, VERB_SHOWN)));
}

static enum res
of_the_other(enum door_protocol protocol, struct slice verb, GError **error)
{
  return refuse(error, REPLY_UNKNOWN_COMMAND, "%.*s; this is %s, say %s", SLICE_FMT(verb), names[protocol].name, names[protocol].hello);
}

enum res
lmtp_command_parse(enum door_protocol protocol, struct slice line, struct lmtp_command *command, GError **error)
{
  struct slice verb = slice_until(line, ' '), arg = slice_trim(slice_skip(line, verb.n));
  for (size_t i = 0; i < LMTP_VERBS; i++) {
    if (!slice_equal_nocase(verb, verbs[i].name))
      continue;
    if (!(verbs[i].protocols & 1u << protocol))
      return of_the_other(protocol, verb, error);
    if (verbs[i].argument == NONE && arg.n > 0)
      return refuse(error, REPLY_SYNTAX, "%s takes no argument", verbs[i].name.p);
    if (verbs[i].argument == REQUIRED && arg.n == 0)
      return refuse(error, REPLY_SYNTAX, "%s needs an argument", verbs[i].name.p);
    *command = (struct lmtp_command){ .verb = (enum lmtp_verb)i, .arg = arg };
    return RES_OK;
  }
  return unknown(verb, error);
}

enum res
lmtp_command_path(struct slice arg, struct slice keyword, struct slice *path, struct slice *parameters, GError **error)
{
  if (!slice_starts_nocase(arg, keyword))
    return refuse(error, REPLY_SYNTAX, "%.*s<address> expected", SLICE_FMT(keyword));
  return path_split(slice_skip(arg, keyword.n), path, parameters, error);
}

enum res
lmtp_command_chunk(struct slice arg, int64_t *octets, bool *last, GError **error)
{
  struct slice number = slice_until(arg, ' '), rest = slice_trim(slice_skip(arg, number.n));
  *last = slice_equal_nocase(rest, SLICE("LAST"));
  if (!slice_to_uint(number, octets) || (rest.n > 0 && !*last))
    return refuse(error, REPLY_SYNTAX, "BDAT needs a number of octets, then LAST or nothing");
  return RES_OK;
}
