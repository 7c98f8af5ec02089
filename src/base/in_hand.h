#pragma once
/* What this process is at just now, noted in a small file that is mapped into memory, so that the next process knows what this one died of: the guard
 * against crash loops (queue/suspect.h). A note costs no system call and no disk access. It survives the process, not the machine: what dies with the
 * machine was not its fault. Without the file (in tests, in commands) all this does nothing. Any thread. */
#include "base/error.h"
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum in_hand_kind {
  IN_HAND_NOTHING,
  IN_HAND_MESSAGE,  /* coming in; key: of its octets */
  IN_HAND_JOB,      /* mail for a handler; key: its id */
  IN_HAND_DELIVERY, /* while a claim of it is made; key: its id */
  IN_HAND_AT_WORK,  /* a claimed piece of a delivery; key: the delivery's id */
  IN_HAND_WAITING,  /* the same, while its thread waits for the next hop */
  IN_HAND_KINDS,
};

struct in_hand_note {
  enum in_hand_kind kind;
  int64_t key;
};

/* At start, while nobody else has the file. `left` gets what the last process left there (struct in_hand_note); owned by the caller. Those notes stay until
 * in_hand_forget(): only when they are recorded elsewhere may they go. RES_TEMP: the file cannot be made. */
enum res in_hand_open(const char *path, GArray **left, GError **error) MUST_CHECK;
void in_hand_forget(void);
/* At the end, when nobody has anything in hand any more. */
void in_hand_close(void);

/* Notes it; gives what in_hand_give() takes. -1: there is no file, or no room: then this one is not guarded. */
int in_hand_take(enum in_hand_kind kind, int64_t key);
void in_hand_give(int slot);

/* A piece of work that waits for a peer now and then: it belongs to its thread, which has one at most. Dying while it waits tells little about it: anybody may stop a
 * process that waits for long. in_hand_wait() and in_hand_go_on() do nothing in a thread that has none. */
void in_hand_begin(int64_t key);
void in_hand_wait(void);
void in_hand_go_on(void);
void in_hand_end(void);

/* Who works beside others says so, so that a suspect can be alone. Not twice in a thread. */
void in_hand_join(void);
void in_hand_leave(void);
/* False: others were still at work at `deadline` (monotonic). True: nobody is until in_hand_not_alone(); who comes waits. */
bool in_hand_alone(int64_t deadline);
void in_hand_not_alone(void);
