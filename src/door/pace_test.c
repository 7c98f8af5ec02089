#include "door/pace.h"
#include "base/clock.h"
#include <glib.h>

static const struct row {
  const char *name;
  int64_t octets, waited, rate, grace;
  int64_t want; /* microseconds from now */
} rows[] = {
  { .name = "nothing yet", .rate = 100, .grace = 30 * CLOCK_SECOND, .want = 30 * CLOCK_SECOND },
  { .name = "off", .waited = CLOCK_HOUR, .rate = 0, .grace = 30 * CLOCK_SECOND, .want = INT64_MAX },
  { .name = "within the grace", .octets = 1, .waited = 20 * CLOCK_SECOND, .rate = 100, .grace = 30 * CLOCK_SECOND, .want = 10 * CLOCK_SECOND },
  { .name = "one octet a second", .octets = 30, .waited = 30 * CLOCK_SECOND, .rate = 100, .grace = 30 * CLOCK_SECOND, .want = 0 },
  { .name = "just the rate", .octets = 10000, .waited = 99 * CLOCK_SECOND, .rate = 100, .grace = 30 * CLOCK_SECOND, .want = CLOCK_SECOND },
  { .name = "long overdue", .octets = 10, .waited = 100 * CLOCK_SECOND, .rate = 100, .grace = 30 * CLOCK_SECOND, .want = -70 * CLOCK_SECOND },
  { .name = "parts of a second", .octets = 3150, .waited = 31 * CLOCK_SECOND, .rate = 100, .grace = 30 * CLOCK_SECOND, .want = CLOCK_SECOND / 2 },
  { .name = "more than any message", .octets = INT64_C(1) << 62, .rate = INT64_C(1) << 31, .want = (INT64_C(1) << 31) * CLOCK_SECOND },
  { .name = "no grace", .octets = 50, .rate = 100, .want = CLOCK_SECOND / 2 },
};

static void
deadlines(void)
{
  const int64_t now = 1000 * CLOCK_SECOND;
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    const struct pace pace = { .octets = rows[i].octets, .waited = rows[i].waited };
    int64_t got = pace_deadline(&pace, now, rows[i].rate, rows[i].grace);
    int64_t want = rows[i].want == INT64_MAX ? INT64_MAX : now + rows[i].want;
    if (got != want)
      g_error("%s: %" G_GINT64_FORMAT ", not %" G_GINT64_FORMAT, rows[i].name, got, want);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/pace/deadline", deadlines);
  return g_test_run();
}
