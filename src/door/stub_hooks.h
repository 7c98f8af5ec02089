#pragma once
/* For tests: hooks that know no lists but play every part by the names they are given, and write down what they were told.
 * - Asked: *.example is a domain of ours but for elsewhere.example, trouble.example is our trouble; addresses as for RCPT; refused@… may not post, nor may more than 500 octets.
 * - MAIL from refused@… is refused, from trouble@… is our trouble.
 * - RCPT to no-…@ is unknown, to trouble-…@ our trouble, to closed-…@ refused with a reason.
 * - A message to full-…@ cannot be begun; one that holds "OUT OF DISK" cannot be kept; "STOP NOW" stops the server.
 * - After the dot held-…@, reject-…@, discard-…@, late-…@ (trouble) and silent-…@ (no reply at all) differ; everybody else's is accepted.
 * - RCPT to literal-…@ is accepted in words of its own (251, two lines), to no-literal-…@ refused in such (551); a message whose first recipient is literal-…@ gets 556, where one
 *   reply is given for all. */
#include "base/own.h"
#include "door/door.h"

struct stub {
  GString *log;  /* "mail(a@x) rcpt(b@y) begin [octets] end reset" */
  GString *written; /* "[path] [parameters] " of each MAIL and RCPT, as the peer wrote them */
  GString *data; /* of the message in progress */
  struct door_options options;
  struct door_hooks hooks;
  int targets; /* given out and not freed */
};

/* With options of its own: a size limit of 1,000 octets, a minute for everything. */
struct stub *stub_new(void);
/* Asserts that every target was given back. */
void stub_free(struct stub *stub);
OWN_DEFINE(stub, stub_free)
