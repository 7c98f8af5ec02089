#pragma once
/* The thread that reads mail kept for a handler. It sleeps until it is woken. */
#include "store/store.h"

struct robot;

/* Begins with what a process before this one has left. The store must outlive it. NULL: the system has no room for a thread. */
struct robot *robot_start(struct store *store);
/* There is new mail for a role address. Any thread; cheap. */
void robot_wake(struct robot *robot);
/* Looks at all of it anew, at once: somebody has asked for that. Any thread. */
void robot_retry(struct robot *robot);
/* Ends after the message at hand. NULL is allowed. */
void robot_free(struct robot *robot);
OWN_DEFINE(robot, robot_free)
