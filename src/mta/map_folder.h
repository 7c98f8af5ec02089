#pragma once
/* A map that is a folder with an empty file (a link to the others) for each address, for MTAs that look whether a file exists. What else lies there, is left alone. */
#include "base/error.h"
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct map_folder {
  char *path;
  bool look_only;
  bool differs; /* true once something is different */
  int fd;       /* -1: there is none */
  int64_t wanted;
  char *source; /* a file that was made, of which others are made as links; NULL: none yet */
};

/* Begins, making it if it is missing; `folder` is the caller's room. RES_TEMP: the system would not. */
enum res map_folder_begin(struct map_folder *folder, const char *path, bool look_only, GError **error) MUST_CHECK;
/* There is to be a file `name`, which is an address. RES_MORE: the name is too long for a file's. RES_TEMP: it could not be made. */
enum res map_folder_want(struct map_folder *folder, const char *name, GError **error) MUST_CHECK;
/* RES_OK: `name` is wanted; RES_MORE: it is not; RES_TEMP: nobody knows now. */
typedef enum res (*map_folder_asked)(void *ctx, const char *name, GError **error);
/* After all that is wanted: takes away files that are not. Asks only if there are more than are wanted. Durable when it returns. */
enum res map_folder_end(struct map_folder *folder, map_folder_asked is_wanted, void *ctx, GError **error) MUST_CHECK;
void map_folder_clear(struct map_folder *folder);
