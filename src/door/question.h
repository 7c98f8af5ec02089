#pragma once
/* One question in front of the MTA's queue, and what it comes to: what socketmap, policy and readsocket have in common behind their grammars. */
#include "door/service.h"

enum fate {
  FATE_OURS,    /* an address (a domain) of ours, whose mail may come */
  FATE_FOREIGN, /* none of ours, or no address at all */
  FATE_UNKNOWN, /* in a domain of ours, but neither list nor role: perhaps a user of the MTA's */
  FATE_REFUSED, /* ours, and refused for its sender or its size */
  FATE_TROUBLE, /* nobody knows now */
};

/* `reply`: for FATE_UNKNOWN, FATE_REFUSED and FATE_TROUBLE the reply line, without CRLF, in place of what was there; else empty. The message size limit of options->size_max
 * is kept here. */
enum fate question_ask(const struct service *service, const struct door_question *question, GString *reply);
enum fate question_ask_domain(const struct service *service, const char *domain, GString *reply);
/* What an error is answered: the reply line without CRLF (door.h: the rule for hooks' errors), in place of what was in `reply`. */
void question_reply(const GError *error, GString *reply);
/* Can it be given as text: no NUL in it? */
bool question_is_text(struct slice octets);
