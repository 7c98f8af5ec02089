#pragma once
/* Postfix's XFORWARD command: who was on the MTA's own line (https://www.postfix.org/XFORWARD_README.html). */
#include "base/error.h"
#include "base/slice.h"
#include "door/door.h"

/* What LHLO says of it. */
#define XFORWARD_KEYWORD "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE"

/* Adds the command's attributes to `xforward`; those named again are replaced, unknown ones tolerated. RES_BAD: REPLY_SYNTAX; nothing was changed. */
enum res xforward_parse(struct slice arg, struct door_xforward *xforward, GError **error) MUST_CHECK;
/* Forgets all. */
void xforward_clear(struct door_xforward *xforward);

/* What a peer says of itself, fit for logs and headers: valid UTF-8 without controls, at most 255 octets. Owned by the caller. */
char *peer_word_clean(struct slice word);
