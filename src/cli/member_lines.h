#pragma once
/* Files of members: an address or `Name <address>` a line; empty lines and lines that begin with # are passed over. */
#include "base/error.h"
#include "base/own.h"
#include "list/member.h"
#include <glib.h>

/* Lines of a file at most, and octets of a line. */
#define MEMBER_LINES_MAX 10000000
#define MEMBER_LINE_MAX 2000

struct member_line {
  int64_t number; /* in the file, from 1 */
  char *address, *name;
};
void member_line_free(struct member_line *line);

struct member_lines;

/* `path` "-" is standard input. RES_BAD: it cannot be opened. */
enum res member_lines_open(const char *path, struct member_lines **lines, GError **error) MUST_CHECK;
void member_lines_free(struct member_lines *lines);
OWN_DEFINE(member_lines, member_lines_free)
/* Up to `limit` lines; an array of struct member_line, empty at the end. */
GPtrArray *member_lines_slice(struct member_lines *lines, guint limit);
/* After the last slice: RES_BAD: the file could not be read to its end, or is too long. */
enum res member_lines_end(const struct member_lines *lines, GError **error) MUST_CHECK;
/* How much of the file has been read, 0 to 1; negative: not known (a pipe). */
double member_lines_progress(const struct member_lines *lines);
