#pragma once
/* How much a next hop is given: sends at a time, half as many with each trouble, more with each that went well, and more slowly after trouble;
 * nothing for a while when it is not reached, or reached and of no use. And which of several next hops a send goes to. Pure; locked by its owner. */
#include "outlet/backoff.h"
#include <stddef.h>

struct window {
  int size;      /* sends at a time at most, 1 or more */
  bool careful;  /* there was trouble: it grows by one for as many sends as it has */
  int well;      /* sends since it grew, then */
  int useless;   /* connections in a row that broke before anybody was answered */
  int busy;      /* sends that it has */
  int open;      /* connections whose greeting was good, idle ones too */
  int64_t turn;  /* when it was chosen last: a number that grows */
  struct backoff backoff; /* down: not reached while nothing was open, or useless too often. Until a send goes well */
};

/* Two sends at a time; reached, as far as is known. */
void window_init(struct window *window);
/* A send went well, the server did not ask for less. `share`: windows_share. */
void window_grow(struct window *window, int share);
/* The server asked for less. */
void window_shrink(struct window *window);
/* A connection that was greeted broke before anybody was answered. True: once too often, and a pause begins. */
bool window_useless(struct window *window, const char *why, int64_t now, int64_t monotonic);
/* Somebody was answered. Gives for how long it was down, in microseconds; -1: it was not. */
int64_t window_reached(struct window *window, int64_t now);
/* No connection could be made, and `later` says that the server asked to come back later. One that has others open is up, and is not
 * given more than it has (at `later`), or half as much. True: it is down, and a pause begins. */
bool window_unreached(struct window *window, bool later, const char *why, int64_t now, int64_t monotonic);

/* The windows of an outlet's next hops. */
struct windows {
  struct window *at;
  size_t n;
  int connections; /* of all together */
  int64_t turn;
};
/* What one may have at most: of those that are up, none may have all. */
int windows_share(const struct windows *windows);
/* Sends at a time that they can have now, those that run included. 0: none before `again` (monotonic). INT64_MAX there: not before one ends. */
int windows_room(const struct windows *windows, int64_t monotonic, int64_t *again);
/* The one for the next send: of those not `tried`, that with most room in proportion. One that is down is tried by one send when its pause is over.
 * `moved`: the send comes from another and needs a place: then up to the share, whatever the window. Counts the send as its own. NULL: none. */
struct window *windows_choose(struct windows *windows, const bool *tried, bool moved, int64_t monotonic);
/* True: none is up. */
bool windows_all_down(const struct windows *windows);
