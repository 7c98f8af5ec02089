#include "outlet/window.h"
#include <glib.h>

#define SIZE_FIRST 2
/* Useless connections in a row. */
#define USELESS_MAX 3

void
window_init(struct window *window)
{
  *window = (struct window){ .size = SIZE_FIRST };
}

void
window_grow(struct window *window, int share)
{
  if (window->size >= share)
    window->careful = false;
  else if (!window->careful || ++window->well >= window->size) {
    window->size++;
    window->well = 0;
  }
}

void
window_shrink(struct window *window)
{
  window->size = MAX(window->size / 2, 1);
  window->careful = true;
  window->well = 0;
}

bool
window_useless(struct window *window, const char *why, int64_t now, int64_t monotonic)
{
  window_shrink(window);
  return ++window->useless >= USELESS_MAX && backoff_failed(&window->backoff, why, now, monotonic);
}

int64_t
window_reached(struct window *window, int64_t now)
{
  window->useless = 0;
  return backoff_reached(&window->backoff, now);
}

bool
window_unreached(struct window *window, bool later, const char *why, int64_t now, int64_t monotonic)
{
  if (window->open == 0) {
    window_shrink(window);
    return backoff_failed(&window->backoff, why, now, monotonic);
  }
  if (later)
    window->size = MIN(window->size, window->open);
  else
    window_shrink(window);
  return false;
}

/* --- several --- */

static int
count_up(const struct windows *windows)
{
  int up = 0;
  for (size_t i = 0; i < windows->n; i++)
    up += !backoff_is_down(&windows->at[i].backoff);
  return up;
}

int
windows_share(const struct windows *windows)
{
  int up = MAX(count_up(windows), 1);
  return MAX((windows->connections + up - 1) / up, 1);
}

/* Sends that one may have at a time: while it is down, one that tries it, and none during the pause. */
static int
limit_of(const struct windows *windows, const struct window *window, bool moved, int64_t monotonic)
{
  if (backoff_is_down(&window->backoff))
    return backoff_is_over(&window->backoff, monotonic) ? 1 : 0;
  int share = windows_share(windows);
  return moved ? share : MIN(window->size, share);
}

int
windows_room(const struct windows *windows, int64_t monotonic, int64_t *again)
{
  int room = 0;
  *again = INT64_MAX;
  for (size_t i = 0; i < windows->n; i++) {
    const struct window *window = &windows->at[i];
    int limit = limit_of(windows, window, false, monotonic);
    room += MAX(limit, window->busy);
    if (limit == 0)
      *again = MIN(*again, window->backoff.until);
  }
  return MIN(room, windows->connections);
}

/* True: `a` has more room in proportion to its limit, or as much and was not chosen for longer. */
static bool
is_better(const struct window *a, int limit_a, const struct window *b, int limit_b)
{
  int more = (limit_a - a->busy) * limit_b - (limit_b - b->busy) * limit_a;
  return more > 0 || (more == 0 && a->turn < b->turn);
}

struct window *
windows_choose(struct windows *windows, const bool *tried, bool moved, int64_t monotonic)
{
  struct window *best = NULL;
  int best_limit = 0;
  for (size_t i = 0; i < windows->n; i++) {
    struct window *window = &windows->at[i];
    int limit = limit_of(windows, window, moved, monotonic);
    if (tried[i] || window->busy >= limit || (best && !is_better(window, limit, best, best_limit)))
      continue;
    best = window;
    best_limit = limit;
  }
  if (best) {
    best->busy++;
    best->turn = ++windows->turn;
  }
  return best;
}

bool
windows_all_down(const struct windows *windows)
{
  return count_up(windows) == 0;
}
