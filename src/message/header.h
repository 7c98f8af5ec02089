#pragma once
/* A read-only view of a message's header section over the octets as received (CRLF line ends). It copies nothing and never fails on odd
 * mail: lines that are no field are kept as fields without a name. Decoding is for looking only, and total: what cannot be decoded becomes
 * U+FFFD. */
#include "base/error.h"
#include "base/own.h"
#include "base/slice.h"
#include <glib.h>
#include <stdbool.h>

/* Octets of a header section at most (DESIGN 6). */
#define HEADER_MAX (256 * 1024)
/* Fields counted at most; more make the message malformed. */
#define HEADER_FIELDS_MAX 5000

struct header_field {
  struct slice name;  /* as written, without blanks before the colon; empty: the line is no field */
  struct slice value; /* after the colon up to the final CRLF, folded as it came, blanks kept; all of the line if that is no field */
  struct slice whole; /* name to CRLF inclusive, with continuation lines; the wholes of all fields make up the header */
};

struct header_view {
  struct slice message; /* all of it */
  struct slice header;  /* without the empty line */
  struct slice body;    /* after the empty line; empty if there is none */
  const struct header_field *fields;
  size_t n;
};

/* A view of `message`, which must outlive it. RES_BAD (REPLY_MALFORMED): header over HEADER_MAX or HEADER_FIELDS_MAX, or NUL in the
 * header. A "From " line at the top (mbox) is a field without a name. Any thread; a view is not changed by looking. */
enum res header_view_new(struct slice message, struct header_view **view, GError **error) MUST_CHECK;
void header_view_free(struct header_view *view);
OWN_DEFINE(header_view, header_view_free)

/* The first field called `name` (ASCII case ignored) after `after` (NULL: from the top), or NULL. */
const struct header_field *header_next(const struct header_view *view, const char *name, const struct header_field *after);
/* The first one, or NULL. */
const struct header_field *header_first(const struct header_view *view, const char *name);
size_t header_count(const struct header_view *view, const char *name);

/* The value with line ends taken out and blanks trimmed, octets otherwise as they came; owned by the caller. */
char *header_unfold(const struct header_field *field);
/* `text` without the blanks, line ends and comments at its start (RFC 5322 3.2.2 CFWS; comments nest). A comment that is not closed takes
 * all. */
struct slice header_skip_cfws(struct slice text);
/* The value unfolded and decoded (RFC 2047, any charset that mail uses; raw octets as UTF-8, else Latin-1) to valid UTF-8 on one line:
 * blanks of all sorts are spaces; control characters and those that turn the direction of text are U+FFFD. At most 10,000 octets; owned by
 * the caller. */
char *header_text(const struct header_field *field);

/* An address found in a header field. Valid UTF-8. */
struct mailbox {
  char *name;    /* decoded display name, else the comment behind the address; "" if none; fit to be shown as header_text is */
  /* local@domain as written, without blanks and comments where the grammar allows them. Not checked further: that is address_parse's. */
  char *address;
};
void mailbox_free(struct mailbox *mailbox);
/* All addresses of all fields called `name` (RFC 5322 3.4 and the obsolete forms of 4.4, groups opened), in order, at most 1,000, those
 * without an '@' left out. Never fails: in broken lists what can be found is. An array of struct mailbox; owned by the caller
 * (g_ptr_array_unref). */
GPtrArray *header_addresses(const struct header_view *view, const char *name);
