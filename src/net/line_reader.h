#pragma once
/* The one line reader: CRLF ends a line and nothing else does (DESIGN 7, RFC 5321 2.3.8). */
#include "net/stream.h"

/* Octets of a command or reply line without CRLF. */
#define LINE_MAX_OCTETS 998

/* The next line, without its CRLF; borrowed until the next read from `stream`.
 * RES_OK: a line. RES_MORE: the peer closed (in the middle of a line too); `error` is left alone.
 * RES_BAD: REPLY_BARE_LINE_END (a CR without LF, an LF without CR, or a NUL: the session must end), REPLY_LINE_TOO_LONG (the
 * whole line has been skipped up to its CRLF; the session may go on).
 * RES_TEMP: deadline or connection lost. */
enum res line_reader_next(struct stream *stream, struct slice *line, GError **error) MUST_CHECK;
