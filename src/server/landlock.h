#pragma once
/* Landlock (landlock(7)): after it, this thread and those it makes see the file system through a few folders alone, listen on no new TCP port,
 * and reach neither abstract sockets nor processes outside. Raw system calls: the C library has none for it. */
#include "base/error.h"
#include "base/own.h"
#include <stdbool.h>

/* What may be done in a folder and all below it, or with a file. */
enum landlock_access {
  LANDLOCK_READ,
  LANDLOCK_WRITE,  /* read, make, change, rename and remove files; make folders */
  LANDLOCK_REMOVE, /* remove files, and nothing else */
};

struct landlock;

/* The version that the kernel has; 0: none, or one older than the first that can rename between folders (2, Linux 5.19). */
int landlock_abi(void);
/* A set of rules, everything forbidden. RES_TEMP: the kernel will not, and the error says why. */
enum res landlock_new(struct landlock **landlock, GError **error) MUST_CHECK;
void landlock_free(struct landlock *landlock);
OWN_DEFINE(landlock, landlock_free)
/* False: there is nothing at `path`, or it cannot be opened (errno). Follows symbolic links: the rule is about what they lead to. */
bool landlock_allow(struct landlock *landlock, const char *path, enum landlock_access access);
/* From now on, for this thread and those it makes: before the others start. Needs no_new_privs. */
enum res landlock_enforce(struct landlock *landlock, GError **error) MUST_CHECK;
