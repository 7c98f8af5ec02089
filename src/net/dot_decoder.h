#pragma once
/* Message octets from the wire: RFC 5321 4.5.2 with strict line ends. A state machine fed with whatever has arrived; it never
 * looks back, so that the split points of the input cannot matter.
 * - A message ends at CRLF.CRLF (or .CRLF at its start) and nowhere else.
 * - A line's first dot is removed if more follows on the line.
 * - A CR not followed by LF and an LF not preceded by CR are each replaced by a space, and counted.
 * In BDAT mode (RFC 3030) there are no dots and the caller knows the end; line ends are treated alike. */
#include "base/slice.h"
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Longest line of a message, without CRLF. */
#define MESSAGE_LINE_MAX (1024 * 1024)

struct dot_decoder {
  int state; /* private */
  bool bdat;
  bool long_line;    /* a line exceeded MESSAGE_LINE_MAX */
  int64_t stray;     /* stray CR and LF replaced */
  size_t line;       /* octets in the line so far */
};

/* At the start of a message. `bdat`: chunks, in which a dot is text. */
void dot_decoder_init(struct dot_decoder *decoder, bool bdat);
/* Decodes from `in`, appending to `out` (at most in.n + 1 octets). Returns how many octets were consumed: all, unless the end was found. True
 * in `*end`: the end of the message (DATA mode only). */
size_t dot_decoder_feed(struct dot_decoder *decoder, struct slice in, GByteArray *out, bool *end);
/* BDAT mode, after the LAST octet: a CR that came last is stray. Nothing else is added: such a message may end without CRLF. */
void dot_decoder_finish(struct dot_decoder *decoder, GByteArray *out);
