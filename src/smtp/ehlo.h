#pragma once
/* What an SMTP server says it can do (RFC 5321 4.1.1.1). */
#include "smtp/smtp_reply.h"

struct ehlo {
  bool pipelining, chunking, eight_bit, smtputf8, dsn, xverp, starttls, size;
  int64_t size_max; /* octets; 0: no limit told (RFC 1870) */
  bool auth_plain, auth_login;
};

/* Takes what one line of the reply says, from the second line on; unknown keywords are passed over, and those in `ignore` (NULL-terminated, or NULL).
 * Total. */
void ehlo_keyword(struct ehlo *ehlo, struct slice words, const char *const *ignore);
/* Reads the reply to EHLO. `ehlo` is set anew; look at the code before using it. Results as smtp_reply_read. */
enum res ehlo_read(struct stream *stream, struct ehlo *ehlo, const char *const *ignore, struct smtp_reply *reply, GError **error) MUST_CHECK;
