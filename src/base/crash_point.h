#pragma once
/* Marks at the durable steps of the program, for the crash test (tests/crash/): before and after each commit that matters, and before and after
 * each effect outside. They are compiled in with meson's option `crash_points` alone; elsewhere they are nothing. The test reads their names
 * from the source: each stands there once as a string.
 *
 *   LISTWARD_CRASH_AT=NAME[:N]    the process kills itself (SIGKILL) when it passes that mark for the N-th time (default 1); `any` is every mark
 *   LISTWARD_POISON=WORD          a message that has WORD-STAGE in its header kills the process at each stage of that name */
#include "base/slice.h"

#ifdef LISTWARD_CRASH_POINTS

/* Any thread, also inside a transaction. */
void crash_point_pass(const char *name);
/* Dies if `text`, something of a message, has the word of that stage. Any thread. */
void crash_point_taste(const char *stage, struct slice text);

#define CRASH_POINT(name) crash_point_pass(name)
#define CRASH_POINT_IF(condition, name) \
  do {                                  \
    if (condition)                      \
      crash_point_pass(name);           \
  } while (0)
#define CRASH_POISON(stage, text) crash_point_taste(stage, text)
#define CRASH_POISON_IF(condition, stage, text) \
  do {                                          \
    if (condition)                              \
      crash_point_taste(stage, text);           \
  } while (0)

#else

#define CRASH_POINT(name) ((void)0)
#define CRASH_POINT_IF(condition, name) ((void)0)
#define CRASH_POISON(stage, text) ((void)0)
#define CRASH_POISON_IF(condition, stage, text) ((void)0)

#endif
