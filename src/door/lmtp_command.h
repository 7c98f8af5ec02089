#pragma once
/* The grammar of the commands of LMTP and SMTP: RFC 2033, RFC 5321 4.1.1, RFC 3030 (BDAT). Lines come without CRLF. */
#include "base/error.h"
#include "base/slice.h"
#include "door/door.h"
#include <stdbool.h>
#include <stdint.h>

enum lmtp_verb {
  LMTP_LHLO,
  LMTP_EHLO,
  LMTP_HELO,
  LMTP_MAIL,
  LMTP_RCPT,
  LMTP_DATA,
  LMTP_BDAT,
  LMTP_RSET,
  LMTP_NOOP,
  LMTP_VRFY,
  LMTP_HELP,
  LMTP_QUIT,
  LMTP_XFORWARD,
  LMTP_STARTTLS,
  LMTP_VERBS,
};

struct lmtp_command {
  enum lmtp_verb verb;
  struct slice arg; /* what follows the verb, without blanks at both ends; borrows from the line */
};

/* RES_BAD: REPLY_UNKNOWN_COMMAND, also for a verb of the other protocol; REPLY_SYNTAX if the verb takes no argument and has one, or needs one and has none. */
enum res lmtp_command_parse(enum door_protocol protocol, struct slice line, struct lmtp_command *command, GError **error) MUST_CHECK;

/* The path and the parameters after MAIL's "FROM:" or RCPT's "TO:" (given as `keyword`, any case). RES_BAD: REPLY_SYNTAX. */
enum res lmtp_command_path(struct slice arg, struct slice keyword, struct slice *path, struct slice *parameters, GError **error) MUST_CHECK;

/* BDAT's argument: "octets [LAST]". RES_BAD: REPLY_SYNTAX; nobody knows then how many octets follow. */
enum res lmtp_command_chunk(struct slice arg, int64_t *octets, bool *last, GError **error) MUST_CHECK;

/* The verbs of a protocol, for HELP; not STARTTLS, which the answer to EHLO has where it is offered. */
const char *lmtp_command_verbs(enum door_protocol protocol);
