#pragma once
/* ESMTP parameters of MAIL and RCPT: RFC 5321 4.1.2, RFC 1870 (SIZE), RFC 6152 (BODY), RFC 6531 (SMTPUTF8). Unknown ones are tolerated,
 * if they are written as parameters are. Of one given twice the last counts. */
#include "base/error.h"
#include "base/slice.h"
#include "door/door.h"

struct mail_parameters {
  int64_t size; /* 0: not stated; INT64_MAX: more digits than we count */
  enum door_body body;
  bool smtputf8;
};

/* RES_BAD: REPLY_SYNTAX. */
enum res mail_parameters_parse(struct slice text, struct mail_parameters *parameters, GError **error) MUST_CHECK;
/* All of RCPT's are tolerated. RES_BAD: REPLY_SYNTAX. */
enum res rcpt_parameters_check(struct slice text, GError **error) MUST_CHECK;
