#pragma once
/* Whether the file system of the database has room left. Any thread. Private to this folder; what others call is store_room(). */
#include "base/error.h"
#include "base/own.h"

struct disk_space;

/* `path`: the database; copied. */
struct disk_space *disk_space_new(const char *path);
void disk_space_free(struct disk_space *space);
OWN_DEFINE(disk_space, disk_space_free)

/* As store_room(). */
enum res disk_space_check(struct disk_space *space, int64_t least, int64_t more, GError **error) MUST_CHECK;
/* The same when `free` octets are known to be free. For disk_space_check(), and for tests. */
enum res disk_space_judge(struct disk_space *space, int64_t free, int64_t least, int64_t more, GError **error) MUST_CHECK;
