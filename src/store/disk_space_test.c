#include "store/disk_space.h"
#include "base/counter.h"
#include "base/log.h"

/* In order: what was said before matters. */
static const struct {
  const char *name;
  int64_t free, least, more;
  enum res want;
  int alarms; /* so far */
} rows[] = {
  { "room", 1000, 800, 0, RES_OK, 0 },
  { "just enough", 1000, 800, 200, RES_OK, 0 },
  { "not for so large a message, but for others", 1000, 800, 201, RES_TEMP, 0 },
  { "a size that no disk has", 1000, 800, INT64_MAX, RES_TEMP, 0 },
  { "the edge", 800, 800, 0, RES_OK, 0 },
  { "below", 799, 800, 0, RES_TEMP, 1 },
  { "and still", 100, 800, 0, RES_TEMP, 1 },
  { "hardly better", 899, 800, 0, RES_TEMP, 1 },
  { "better", 900, 800, 0, RES_OK, 1 },
  { "below again", 0, 800, 0, RES_TEMP, 2 },
  { "the limit was lowered", 900, 10, 0, RES_OK, 2 },
  { "no limit", 0, 0, 0, RES_OK, 2 },
  { "no limit, and no room either", 0, 0, 1, RES_TEMP, 2 },
};

static void
test_judge(void)
{
  OWN(disk_space) space = disk_space_new("/nowhere/file.db");
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    g_test_message("%s", rows[i].name);
    g_assert_cmpint(disk_space_judge(space, rows[i].free, rows[i].least, rows[i].more, &error), ==, rows[i].want);
    g_assert_cmpint(counter_read(COUNTER_ALARMS), ==, rows[i].alarms);
    g_assert_true(rows[i].want == RES_OK ? error == NULL : error_reply(error, REPLY_OK) == REPLY_FULL && strstr(error->message, "/nowhere") != NULL);
  }
}

/* A real file system, and one that does not answer. */
static void
test_check(void)
{
  OWN(disk_space) here = disk_space_new("/tmp/file.db");
  OWN(disk_space) nowhere = disk_space_new("/nowhere/file.db");
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(disk_space_check(here, 0, 0, &error), ==, RES_OK);
  g_assert_cmpint(disk_space_check(here, INT64_C(1) << 60, 0, &error), ==, RES_TEMP);
  g_clear_error(&error);
  g_assert_cmpint(disk_space_check(nowhere, INT64_C(1) << 60, 1, &error), ==, RES_OK);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/disk-space/judge", test_judge);
  g_test_add_func("/disk-space/check", test_check);
  return g_test_run();
}
