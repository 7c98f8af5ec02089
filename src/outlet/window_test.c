#include "outlet/window.h"
#include "base/clock.h"
#include <glib.h>
#include <string.h>

#define NOW INT64_C(1800000000000000)
#define HOPS_MAX 4

/* What happens, a letter each, to the next hop whose number stands before it (0 if none does):
 *   + a send went well    - trouble          o a connection is greeted     c one is closed
 *   x no connection       l the same: 421    r somebody was answered       b a send begins   e a send ends
 *   u useless
 *   w a pause passes (a second more than the longest) */
static void
happen(struct windows *windows, const char *events, int64_t *now)
{
  struct window *window = windows->at;
  for (const char *event = events; *event; event++) {
    switch (*event) {
    case '+': window_grow(window, windows_share(windows)); break;
    case '-': window_shrink(window); break;
    case 'o': window->open++; break;
    case 'c': window->open--; break;
    case 'x': (void)window_unreached(window, false, "refused", NOW + *now, *now); break;
    case 'l': (void)window_unreached(window, true, "421", NOW + *now, *now); break;
    case 'r': (void)window_reached(window, NOW + *now); break;
    case 'u': (void)window_useless(window, "cut", NOW + *now, *now); break;
    case 'b': window->busy++; break;
    case 'e': window->busy--; break;
    case 'w': *now += 301 * CLOCK_SECOND; break;
    default:
      g_assert_true(g_ascii_isdigit(*event) && *event - '0' < (int)windows->n);
      window = &windows->at[*event - '0'];
    }
  }
}

static const struct {
  const char *name;
  size_t hops;
  int connections;
  const char *events;
  int sizes[HOPS_MAX];
  int share, room;
  bool waits; /* more room comes with time */
} rows[] = {
  { .name = "at first", .hops = 1, .connections = 8, .events = "", .sizes = { 2 }, .share = 8, .room = 2 },
  { .name = "fewer connections than that", .hops = 1, .connections = 1, .events = "", .sizes = { 2 }, .share = 1, .room = 1 },
  { .name = "grows", .hops = 1, .connections = 8, .events = "+++", .sizes = { 5 }, .share = 8, .room = 5 },
  { .name = "up to its share", .hops = 1, .connections = 4, .events = "++++++", .sizes = { 4 }, .share = 4, .room = 4 },
  { .name = "none takes all", .hops = 2, .connections = 5, .events = "0++++1++++", .sizes = { 3, 3 }, .share = 3, .room = 5 },
  { .name = "halves", .hops = 1, .connections = 8, .events = "++++++-", .sizes = { 4 }, .share = 8, .room = 4 },
  { .name = "one at least", .hops = 1, .connections = 8, .events = "----", .sizes = { 1 }, .share = 8, .room = 1 },
  { .name = "grows by one a round after trouble", .hops = 1, .connections = 8, .events = "++++++-+++", .sizes = { 4 }, .share = 8, .room = 4 },
  { .name = "a round and another", .hops = 1, .connections = 8, .events = "++++++-++++" "+++++", .sizes = { 6 }, .share = 8, .room = 6 },
  { .name = "from one on: two, then three", .hops = 1, .connections = 8, .events = "-+" "++", .sizes = { 3 }, .share = 8, .room = 3 },
  { .name = "as before when it has its share", .hops = 2, .connections = 6, .events = "-+" "++" "+1x0+", .sizes = { 4, 1 }, .share = 6, .room = 4, .waits = true },
  { .name = "useless twice", .hops = 1, .connections = 8, .events = "++oucouc", .sizes = { 1 }, .share = 8, .room = 1 },
  { .name = "useless three times: down", .hops = 1, .connections = 8, .events = "++oucoucouc", .sizes = { 1 }, .share = 8, .room = 0, .waits = true },
  { .name = "a pause each time from then on", .hops = 1, .connections = 8, .events = "oucoucoucwouc", .sizes = { 1 }, .share = 8, .room = 0, .waits = true },
  { .name = "of use in between", .hops = 1, .connections = 8, .events = "oucoucroucouc", .sizes = { 1 }, .share = 8, .room = 1 },
  { .name = "useless, down, of use again", .hops = 1, .connections = 8, .events = "oucoucoucwor+", .sizes = { 2 }, .share = 8, .room = 2 },
  { .name = "not reached, nothing open: down", .hops = 1, .connections = 8, .events = "++x", .sizes = { 2 }, .share = 8, .room = 0, .waits = true },
  { .name = "not reached, others open: half", .hops = 1, .connections = 8, .events = "oo++++x", .sizes = { 3 }, .share = 8, .room = 3 },
  { .name = "421 for a greeting, nothing open: down", .hops = 1, .connections = 8, .events = "l", .sizes = { 1 }, .share = 8, .room = 0, .waits = true },
  { .name = "421 for a greeting, others open: what is open", .hops = 1, .connections = 8, .events = "ooo++++l", .sizes = { 3 }, .share = 8, .room = 3 },
  { .name = "the same twice", .hops = 1, .connections = 8, .events = "oo++++ll", .sizes = { 2 }, .share = 8, .room = 2 },
  { .name = "421 does not widen", .hops = 1, .connections = 8, .events = "ooo-l", .sizes = { 1 }, .share = 8, .room = 1 },
  { .name = "all closed, then 421", .hops = 1, .connections = 8, .events = "oo++ccl", .sizes = { 2 }, .share = 8, .room = 0, .waits = true },
  { .name = "down, the pause is over: one tries", .hops = 1, .connections = 8, .events = "++++xw", .sizes = { 3 }, .share = 8, .room = 1 },
  { .name = "and no second", .hops = 1, .connections = 8, .events = "++++xwb", .sizes = { 3 }, .share = 8, .room = 1 },
  { .name = "two that fail at a time begin one pause", .hops = 1, .connections = 8, .events = "++bbxx", .sizes = { 1 }, .share = 8, .room = 2, .waits = true },
  { .name = "reached again", .hops = 1, .connections = 8, .events = "++xwro", .sizes = { 2 }, .share = 8, .room = 2 },
  { .name = "one of two is down: the other may have all", .hops = 2, .connections = 4, .events = "0++1++++x", .sizes = { 2, 1 }, .share = 4, .room = 2, .waits = true },
  { .name = "and grows into it", .hops = 2, .connections = 4, .events = "1x0++++", .sizes = { 4, 1 }, .share = 4, .room = 4, .waits = true },
  { .name = "back to the share when it is up again", .hops = 2, .connections = 4, .events = "1x0++++1wr", .sizes = { 4, 1 }, .share = 2, .room = 3 },
  { .name = "what one that went down still holds is no room", .hops = 2, .connections = 8, .events = "1bbx", .sizes = { 2, 1 }, .share = 8, .room = 4, .waits = true },
  { .name = "three, two down, one tried", .hops = 3, .connections = 6, .events = "0x1xw1x", .sizes = { 1, 1, 2 }, .share = 6, .room = 3, .waits = true },
};

static void
test_row(gconstpointer data)
{
  const size_t i = GPOINTER_TO_SIZE(data);
  struct window at[HOPS_MAX];
  struct windows windows = { .at = at, .n = rows[i].hops, .connections = rows[i].connections };
  int64_t now = CLOCK_HOUR, again;
  g_test_message("%s", rows[i].name);
  for (size_t hop = 0; hop < windows.n; hop++)
    window_init(&at[hop]);
  happen(&windows, rows[i].events, &now);
  for (size_t hop = 0; hop < windows.n; hop++)
    g_assert_cmpint(at[hop].size, ==, rows[i].sizes[hop]);
  g_assert_cmpint(windows_share(&windows), ==, rows[i].share);
  g_assert_cmpint(windows_room(&windows, now, &again), ==, rows[i].room);
  g_assert_true((again != INT64_MAX) == rows[i].waits);
  g_assert_cmpint(again, >, now);
}

/* Which next hop sends go to, one after the other and none of them ending: a digit each, '-' for none. */
static const struct {
  const char *name;
  size_t hops;
  int connections;
  const char *events, *tried; /* tried: digits */
  bool moved;
  const char *chosen;
} choices[] = {
  { .name = "one after the other", .hops = 3, .connections = 9, .events = "", .chosen = "012012-" },
  { .name = "in proportion", .hops = 2, .connections = 8, .events = "0++", .chosen = "010100-" },
  { .name = "not those tried", .hops = 3, .connections = 9, .events = "", .tried = "02", .chosen = "11-" },
  { .name = "none is left", .hops = 2, .connections = 8, .events = "", .tried = "01", .chosen = "-" },
  { .name = "not one that is down", .hops = 2, .connections = 4, .events = "0x", .chosen = "11-" },
  { .name = "one tries what is down when its pause is over", .hops = 2, .connections = 4, .events = "0xw", .chosen = "011-" },
  { .name = "all down", .hops = 2, .connections = 4, .events = "0x1x", .chosen = "-" },
  { .name = "no more than its share", .hops = 2, .connections = 2, .events = "", .chosen = "01-" },
  { .name = "a hanging one holds its share", .hops = 2, .connections = 8, .events = "0++bbbb", .chosen = "11-" },
  { .name = "one that moved takes any place of the share", .hops = 2, .connections = 8, .events = "", .tried = "0", .moved = true, .chosen = "1111-" },
};

static void
test_choice(gconstpointer data)
{
  const size_t i = GPOINTER_TO_SIZE(data);
  struct window at[HOPS_MAX];
  struct windows windows = { .at = at, .n = choices[i].hops, .connections = choices[i].connections };
  bool tried[HOPS_MAX] = { false };
  int64_t now = CLOCK_HOUR;
  g_autoptr(GString) chosen = g_string_new(NULL);
  g_test_message("%s", choices[i].name);
  for (size_t hop = 0; hop < windows.n; hop++)
    window_init(&at[hop]);
  happen(&windows, choices[i].events, &now);
  for (const char *hop = choices[i].tried; hop && *hop; hop++)
    tried[*hop - '0'] = true;
  struct window *window;
  while ((window = windows_choose(&windows, tried, choices[i].moved, now)) != NULL)
    g_string_append_c(chosen, (char)('0' + (window - at)));
  g_string_append_c(chosen, '-');
  g_assert_cmpstr(chosen->str, ==, choices[i].chosen);
}

/* Those that came last are not preferred when there is little to do. */
static void
test_takes_turns(void)
{
  struct window at[3];
  struct windows windows = { .at = at, .n = 3, .connections = 9 };
  const bool tried[3] = { false };
  g_autoptr(GString) chosen = g_string_new(NULL);
  for (size_t hop = 0; hop < 3; hop++)
    window_init(&at[hop]);
  for (int i = 0; i < 6; i++) {
    struct window *window = windows_choose(&windows, tried, false, 0);
    g_string_append_c(chosen, (char)('0' + (window - at)));
    window->busy--;
  }
  g_assert_cmpstr(chosen->str, ==, "012012");
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strdup_printf("/window/%s", rows[i].name);
    g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_row);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(choices); i++) {
    g_autofree char *path = g_strdup_printf("/window/choice/%s", choices[i].name);
    g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_choice);
  }
  g_test_add_func("/window/takes turns", test_takes_turns);
  return g_test_run();
}
