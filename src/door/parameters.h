#pragma once
/* ESMTP parameters of MAIL and RCPT: RFC 5321 4.1.2, RFC 1870 (SIZE), RFC 6152 (BODY), RFC 6531 (SMTPUTF8), RFC 3461 (RET, ENVID, NOTIFY,
 * ORCPT). Unknown ones are tolerated, if they are written as parameters are. Of one given twice the last counts, but for those of RFC 3461,
 * which may stand once only (5.1). */
#include "base/error.h"
#include "base/slice.h"
#include "door/door.h"

struct mail_parameters {
  int64_t size; /* 0: not stated; INT64_MAX: more digits than we count */
  enum door_body body;
  bool smtputf8;
  enum door_ret ret;
  char *envid; /* as in struct door_transaction; owned */
};

/* RES_OK: `parameters` is to be cleared. RES_BAD: REPLY_SYNTAX; there is nothing to clear. */
enum res mail_parameters_parse(struct slice text, struct mail_parameters *parameters, GError **error) MUST_CHECK;
void mail_parameters_clear(struct mail_parameters *parameters);

struct rcpt_parameters {
  unsigned notify; /* as in struct door_recipient */
  char *orcpt;     /* the same; owned */
};

/* Results as for MAIL's. */
enum res rcpt_parameters_parse(struct slice text, struct rcpt_parameters *parameters, GError **error) MUST_CHECK;
void rcpt_parameters_clear(struct rcpt_parameters *parameters);
