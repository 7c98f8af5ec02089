#pragma once
/* Mail to a list's -bounces address: whom it is about. What it says is not judged: a failure, a delay and a vacation program's answer all come here. All inside a
 * store_fn. */
#include "courier/bounce.h"
#include "queue/job.h"

struct bounce_mail {
  struct job job;
  struct bounce bounce; /* but for `at`; its texts are those below */
  char *address;        /* the member's */
  char *code;           /* of the mail that came back, as shown */
};
void bounce_mail_clear(struct bounce_mail *mail);

/* Reads the tag in the address that the mail of `job` came to. RES_OK: `mail` is to be cleared by the caller. RES_MORE: it names nobody to whom we have sent; the job stays for one
 * who reads more. May look through a posting's chunks: not for the writer. */
enum res bounce_mail_judge(struct tx *tx, const struct job *job, struct bounce_mail *mail, GError **error) MUST_CHECK;
/* Writes the bounce, if there are not enough of that member and posting yet (`kept`), and ends the job. RES_MORE: the job is gone already, and nothing was written. */
enum res bounce_mail_record(struct tx *tx, const struct bounce_mail *mail, int64_t now, bool *kept, GError **error) MUST_CHECK;
