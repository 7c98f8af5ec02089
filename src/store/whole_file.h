#pragma once
/* A file that has its name only when it is whole and on disk. Until then it has none (O_TMPFILE), so that nothing is left of it when the process dies; where the
 * file system knows no such files it is NAME.part. */
#include "base/error.h"
#include "base/own.h"
#include <stdbool.h>

struct whole_file;

/* Begins a file (0600) that is to be called `path`. RES_BAD: `path` exists and `replace` is false, or it is no regular file, or cannot be a file's name;
 * RES_TEMP: it cannot be made there (REPLY_FULL: no room), or somebody else is making NAME.part. */
enum res whole_file_begin(const char *path, bool replace, struct whole_file **file, GError **error) MUST_CHECK;
/* Open for reading and writing, and stays the file's own. A process that has become another user may go on writing to it. */
int whole_file_descriptor(const struct whole_file *file);
/* The path it was begun with; borrowed. */
const char *whole_file_path(const struct whole_file *file);
/* True if `path` is the file that would be replaced. */
bool whole_file_replaces(const struct whole_file *file, const char *path);
/* Makes it durable, then gives it its name. RES_BAD: the name was taken meanwhile; RES_TEMP: the system failed. What had the name is then untouched. */
enum res whole_file_publish(struct whole_file *file, GError **error) MUST_CHECK;
/* Takes away what was not published. NULL is allowed. */
void whole_file_free(struct whole_file *file);
OWN_DEFINE(whole_file, whole_file_free)
