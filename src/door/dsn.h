#pragma once
/* What RFC 3461 lets a client ask of delivery status notifications: the values of MAIL's RET and ENVID and of RCPT's NOTIFY and ORCPT. What is
 * done about them is decided elsewhere. Checked as RFC 3461 4 says, keywords in any case; tolerated beyond it: '=' inside xtext, hexadecimal
 * digits in lower case, and in ORCPT octets above 127 (RFC 6533 3) and any address type. */
#include "base/error.h"
#include "base/slice.h"
#include "door/door.h"

/* Characters at most (RFC 3461 5.4). Counted decoded: addresses of RFC 6531 are three times as long in xtext. */
#define DSN_ENVID_MAX 100
#define DSN_ORCPT_MAX 500

/* All: RES_BAD is REPLY_SYNTAX, and the error names the parameter. */

/* RFC 3461 4.3: FULL or HDRS. */
enum res dsn_ret_parse(struct slice value, enum door_ret *ret, GError **error) MUST_CHECK;
/* RFC 3461 4.1: NEVER, or some of SUCCESS, FAILURE and DELAY: a set of enum door_notify. */
enum res dsn_notify_parse(struct slice value, unsigned *notify, GError **error) MUST_CHECK;
/* RFC 3461 4.4: decoded, printable ASCII; owned by the caller. */
enum res dsn_envid_parse(struct slice value, char **envid, GError **error) MUST_CHECK;
/* RFC 3461 4.2: "rfc822;bob@example.org", the address decoded; valid UTF-8, no controls; owned by the caller. */
enum res dsn_orcpt_parse(struct slice value, char **orcpt, GError **error) MUST_CHECK;
