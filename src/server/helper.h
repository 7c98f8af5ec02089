#pragma once
/* The helper: a process that runs the few commands which the configuration names, since the server itself cannot run any. It is forked before the
 * sandbox is entered and before there are threads, as the server's user, with no_new_privs. What it runs is fixed then: a request names a command
 * by its number, and where the table allows that, a file of ours; no shell is involved, the environment is empty but for PATH and LANG. Each
 * command has its time, after which it and all it has started are killed. It ends with the server, and commands with it.
 *
 * The request is one datagram; with it go the ends of three pipes: the command's input, its output, and how it ended. So the helper itself
 * never waits for anybody: helper_process.c. */
#include "base/error.h"
#include "base/own.h"
#include "base/slice.h"
#include <stdbool.h>
#include <sys/types.h>

struct helper_command {
  const char *name;        /* for errors: "[alarm] command" */
  const char *const *argv; /* its program (an absolute path) and arguments, NULL-terminated; NULL: not configured */
  const char *folder;      /* NULL: nothing is added; else the request names a file in this folder, which becomes the last argument */
  int64_t time_limit;      /* microseconds */
  size_t output_max;       /* octets of output that are kept */
};

/* Commands at a time; more wait. */
#define HELPER_AT_A_TIME 4
/* A file's name in a request: as many of [A-Za-z0-9._-], the first no dot and no hyphen. */
#define HELPER_FILE_MAX 255

struct helper;

/* Forks it. `commands` is borrowed for the helper's life. One thread, before there are others; children that end must be reported by
 * helper_ended(). RES_TEMP: the system has no room. */
enum res helper_start(const struct helper_command *commands, size_t n, struct helper **helper, GError **error) MUST_CHECK;
/* Runs the command `number` to its end: `input` to its standard input, what it prints on both of its outputs to `output` (may be NULL) up to
 * output_max, the rest is read by nobody. `file`: NULL, or the file in the command's folder. Any thread; waits.
 * RES_BAD: not configured, no such file name, or it ended with another status than 0 or by a signal; the error has the first line that it printed.
 * RES_TEMP: out of time, could not be started, or the helper is gone. */
enum res helper_run(struct helper *helper, size_t number, const char *file, struct slice input, GString *output, GError **error) MUST_CHECK;
/* The server stops: whatever runs, or is run from now on, has until `deadline` (monotonic) at most; helper_run() fails then, and the command ends with the helper. Any thread.
 * NULL is allowed. */
void helper_hurry(struct helper *helper, int64_t deadline);
/* Its process id; 0: it is gone. Any thread. */
pid_t helper_pid(const struct helper *helper);
/* After SIGCHLD: looks whether it was the helper, and raises an alarm then. helper_run fails from then on. NULL is allowed. One thread. */
void helper_ended(struct helper *helper);
/* Ends it, and what it runs. NULL is allowed. */
void helper_free(struct helper *helper);
OWN_DEFINE(helper, helper_free)
