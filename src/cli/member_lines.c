#include "cli/member_lines.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct member_lines {
  char *path;
  FILE *file;
  int64_t number, size, done; /* size 0: not known */
};

void
member_line_free(struct member_line *line)
{
  if (line == NULL)
    return;
  g_free(line->address);
  g_free(line->name);
  g_free(line);
}

enum res
member_lines_open(const char *path, struct member_lines **lines, GError **error)
{
  FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
  struct stat facts;
  if (file == NULL)
    return refuse(error, REPLY_SYNTAX, "%s: %s", path, g_strerror(errno));
  *lines = g_new0(struct member_lines, 1);
  (*lines)->path = g_strdup(path);
  (*lines)->file = file;
  if (fstat(fileno(file), &facts) == 0 && S_ISREG(facts.st_mode))
    (*lines)->size = facts.st_size;
  return RES_OK;
}

void
member_lines_free(struct member_lines *lines)
{
  if (lines == NULL)
    return;
  if (lines->file != stdin)
    fclose(lines->file);
  g_free(lines->path);
  g_free(lines);
}

/* "Name <address>", "\"Name\" <address>" or the address alone. Takes `text` apart in place. */
static struct member_line *
parse(char *text, int64_t number)
{
  struct member_line *line = g_new0(struct member_line, 1);
  line->number = number;
  size_t length = strlen(text);
  char *open = strrchr(text, '<');
  if (open == NULL || text[length - 1] != '>') {
    line->address = g_strdup(text);
    line->name = g_strdup("");
    return line;
  }
  line->address = g_strndup(open + 1, (size_t)(text + length - 1 - (open + 1)));
  *open = '\0';
  g_strstrip(text);
  size_t name = strlen(text);
  bool quoted = name >= 2 && text[0] == '"' && text[name - 1] == '"';
  line->name = quoted ? g_strndup(text + 1, name - 2) : g_strdup(text);
  return line;
}

/* The next line without its end, cut off where `text` is full: too long to be a member's, it is then a bad one, as one with a NUL is. False: there is none. */
static bool
read_line(struct member_lines *lines, char text[static MEMBER_LINE_MAX])
{
  size_t n = 0;
  int c = getc_unlocked(lines->file);
  if (c == EOF)
    return false;
  for (; c != EOF && c != '\n'; c = getc_unlocked(lines->file)) {
    lines->done++;
    if (n < MEMBER_LINE_MAX - 1)
      text[n++] = c == '\0' ? '\x01' : (char)c;
  }
  lines->done++;
  text[n] = '\0';
  return true;
}

GPtrArray *
member_lines_slice(struct member_lines *lines, guint limit)
{
  GPtrArray *slice = g_ptr_array_new_with_free_func((GDestroyNotify)member_line_free);
  char text[MEMBER_LINE_MAX];
  while (slice->len < limit && lines->number < MEMBER_LINES_MAX && read_line(lines, text)) {
    lines->number++;
    g_strstrip(text);
    if (text[0] != '\0' && text[0] != '#')
      g_ptr_array_add(slice, parse(text, lines->number));
  }
  return slice;
}

enum res
member_lines_end(const struct member_lines *lines, GError **error)
{
  if (ferror(lines->file))
    return refuse(error, REPLY_SYNTAX, "%s cannot be read to its end", lines->path);
  if (lines->number == MEMBER_LINES_MAX)
    return refuse(error, REPLY_SYNTAX, "%s has more than %d lines", lines->path, MEMBER_LINES_MAX - 1);
  return RES_OK;
}

double
member_lines_progress(const struct member_lines *lines)
{
  return lines->size > 0 ? (double)lines->done / (double)lines->size : -1;
}
