#pragma once
/* A reply of an SMTP server (RFC 5321 4.2): one line or several, read line by line, bounded. */
#include "net/stream.h"

/* Octets kept of a reply's text; the rest is read and dropped. */
#define SMTP_REPLY_TEXT_MAX 512
/* Lines of one reply at most. */
#define SMTP_REPLY_LINES_MAX 256

struct smtp_reply {
  int code;                           /* 200 to 599 once a line was read */
  int lines;                          /* read so far */
  char enhanced[12];                  /* "5.1.1" (RFC 3463), "" if there is none */
  char text[SMTP_REPLY_TEXT_MAX + 1]; /* all lines joined by blanks, code first; controls are blanks; may end inside a UTF-8 character */
};

/* An empty one, to be filled line by line. */
void smtp_reply_init(struct smtp_reply *reply);
/* Takes the next line, without its CRLF. RES_OK: it was the last one; RES_MORE: more follow. RES_BAD: not a reply, a code unlike that of
 * the line before, or too many lines: the connection cannot be used any more. */
enum res smtp_reply_line(struct smtp_reply *reply, struct slice line, GError **error) MUST_CHECK;
/* What a line says behind the code. Borrowed from `line`. */
struct slice smtp_reply_words(struct slice line);
/* Reads a whole reply, flushing output first if it must wait. RES_OK; RES_BAD: what came is no reply; RES_TEMP: deadline, connection lost
 * or closed. */
enum res smtp_reply_read(struct stream *stream, struct smtp_reply *reply, GError **error) MUST_CHECK;
/* One line of it, for those who look at each: RES_OK, RES_MORE, RES_BAD, RES_TEMP as above. `line` is borrowed until the next read. */
enum res smtp_reply_read_line(struct stream *stream, struct smtp_reply *reply, struct slice *line, GError **error) MUST_CHECK;
/* The text as valid UTF-8; owned by the caller. */
char *smtp_reply_text(const struct smtp_reply *reply);
