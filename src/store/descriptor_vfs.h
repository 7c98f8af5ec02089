#pragma once
/* SQLite upon a file that is open already: one that has no name yet, or that stands in a directory which is closed to the user whom this process has become. The file
 * belongs to one connection at a time, so that there are no locks, and neither journal nor log beside it. Private to this folder. */
#include <glib.h>

/* What to give as `vfs` in struct connection_options. */
#define DESCRIPTOR_VFS "descriptor"

/* Once or more often, before it is used. Any thread. */
void descriptor_vfs_register(void);
/* The path that stands for `fd`, which stays open and the caller's; owned by the caller. */
char *descriptor_vfs_path(int fd);
