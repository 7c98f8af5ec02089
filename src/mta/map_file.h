#pragma once
/* A map file while it is made: its new content is compared with the old as long as they are the same, and only then written, beside it. */
#include "base/error.h"
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct whole_file;

struct map_file {
  char *path;
  bool look_only;
  GString *buffer; /* lines go here; map_file_flush() takes them away */
  bool differs;    /* true once something is different */
  int old;         /* -1: there is none */
  int64_t same;    /* octets found the same in `old` */
  struct whole_file *new;
};

/* Begins; `file` is the caller's room. RES_TEMP: the old one cannot be read, or the new one not be made. */
enum res map_file_begin(struct map_file *file, const char *path, bool look_only, GError **error) MUST_CHECK;
/* Takes the lines that are in the buffer: to be called when it has grown. RES_TEMP: no room, …; RES_BAD: `path` is no file. */
enum res map_file_flush(struct map_file *file, GError **error) MUST_CHECK;
/* Takes the last lines. Now `differs` is right. */
enum res map_file_end(struct map_file *file, GError **error) MUST_CHECK;
/* Puts the new one in the place of the old, if it differs. Durable when it returns. */
enum res map_file_publish(struct map_file *file, GError **error) MUST_CHECK;
void map_file_clear(struct map_file *file);
