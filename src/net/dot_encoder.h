#pragma once
/* Message octets to the wire: dot-stuffing (RFC 5321 4.5.2). Output holds neither bare CR nor bare LF, whatever comes in:
 * a stray one becomes a space, a message that does not end in CRLF gets one. */
#include "net/stream.h"

struct dot_encoder {
  int state; /* private */
};

/* At the start of a message. */
void dot_encoder_init(struct dot_encoder *encoder);
/* Writes part of a message. Runs without special octets are handed to the stream without being copied. */
enum res dot_encoder_write(struct dot_encoder *encoder, struct stream *stream, struct slice part, GError **error) MUST_CHECK;
/* Writes the end: CRLF if needed, then ".CRLF". */
enum res dot_encoder_end(struct dot_encoder *encoder, struct stream *stream, GError **error) MUST_CHECK;
