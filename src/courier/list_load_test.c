#include "courier/list_load.h"

static void
assert_full(const struct list_load *load, size_t most, const char *wanted)
{
  int64_t lists[8];
  g_autoptr(GString) got = g_string_new(NULL);
  for (size_t i = 0, n = list_load_full(load, lists, most); i < n; i++)
    g_string_append_printf(got, "%s%" G_GINT64_FORMAT, i ? " " : "", lists[i]);
  g_assert_cmpstr(got->str, ==, wanted);
}

static void
test_enough(void)
{
  OWN(list_load) load = list_load_new(100);
  assert_full(load, 8, "");
  list_load_add(load, 7, 99);
  assert_full(load, 8, "");
  list_load_add(load, 7, 1);
  assert_full(load, 8, "7");
  list_load_add(load, 9, 1000); /* one piece larger than all that is allowed */
  assert_full(load, 8, "9 7");
  assert_full(load, 1, "9");
  g_assert_true(list_load_remove(load, 7, 1));
  assert_full(load, 8, "9");
  g_assert_false(list_load_remove(load, 7, 99)); /* had less than enough before */
  g_assert_true(list_load_remove(load, 9, 1000));
  assert_full(load, 8, "");
  g_assert_false(list_load_remove(load, 9, 1000)); /* there is nothing of it */
}

static void
test_still_enough(void)
{
  OWN(list_load) load = list_load_new(100);
  list_load_add(load, 7, 150);
  list_load_add(load, 7, 150);
  g_assert_false(list_load_remove(load, 7, 150));
  assert_full(load, 8, "7");
}

static void
test_no_list(void)
{
  OWN(list_load) load = list_load_new(100);
  list_load_add(load, 0, 1000);
  list_load_add(load, 3, 0);
  assert_full(load, 8, "");
  g_assert_false(list_load_remove(load, 0, 1000));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/list_load/enough", test_enough);
  g_test_add_func("/list_load/still enough", test_still_enough);
  g_test_add_func("/list_load/no list", test_no_list);
  return g_test_run();
}
