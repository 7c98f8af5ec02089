#pragma once
/* How a posting is changed for its list: a table of handlers, each of which edits the header. The body passes as it came. Pure: the
 * outcome depends on the arguments alone, so that a repeat gives the same octets. Any thread. */
#include "list/list.h"
#include "message/header.h"
#include <glib.h>

struct pipeline_input {
  const struct list *list;
  const struct header_view *message; /* as accepted */
  const char *posting;               /* its id */
  int64_t number;                    /* post number, for the subject prefix */
  int64_t received_at;               /* epoch microseconds; of the first acceptance, so that a missing Date is the same in a repeat */
  const char *hostname;              /* ours, for Received and made-up Message-IDs; "": the list's domain */
  const char *peer;                  /* who handed it in, for Received: "mta.example.org" or "" */
  bool smtputf8;                     /* came with SMTPUTF8 */
  bool smtp;                         /* came over SMTP, not LMTP */
};

/* The header section for the list's copies, with the empty line that ends it; the body follows unchanged. Owned by the caller. Cannot
 * fail. What was left out to spare a signature is logged. */
GBytes *pipeline_posting(const struct pipeline_input *input);
/* The same for mail to the owners (role address): Received and hop header only. */
GBytes *pipeline_owner(const struct pipeline_input *input);

/* The field To, with CRLF, of a member's own copy where the list personalizes in full: it stands for the only To of the header that pipeline_posting made.
 * `name` is "" for none. Owned by the caller. */
char *pipeline_to(const char *name, const char *address);

/* Names of all handlers in order, for `info` and the documentation; NULL after the last. */
const char *pipeline_handler_name(size_t n);
