/* The first line names a setting, the rest is its value. */
#include "list/setting.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is stored can be shown, and what is shown gives the same when typed again. */
static void
round_trip(const struct setting *setting, const char *stored)
{
  g_autofree char *shown = setting_display(setting, stored);
  g_autofree char *again = NULL;
  enum res res = setting_parse(setting, shown, &again, NULL);
  g_assert_cmpint(res, ==, RES_OK);
  g_assert_cmpstr(again, ==, stored);

  struct settings settings;
  g_assert_cmpint(settings_init(&settings, "legacy-default", NULL), ==, RES_OK);
  setting_apply(setting, stored, &settings);
  settings_clear(&settings);
}

static void
add_and_remove(const struct setting *setting, const char *stored)
{
  g_autofree char *more = NULL;
  g_autofree char *none = NULL;
  if (setting_list_add(setting, "[]", stored, &more, NULL) != RES_OK)
    return;
  g_assert_cmpstr(more, ==, stored);
  g_assert_cmpint(setting_list_remove(setting, more, stored, &none, NULL), ==, RES_OK);
  g_assert_cmpstr(none, ==, "[]");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup((const char *)data, size);
  char *value = strchr(text, '\n');
  if (!value)
    return 0;
  *value++ = '\0';
  const struct setting *setting = setting_find(text);
  g_autofree char *stored = NULL;
  if (!setting || setting_parse(setting, value, &stored, NULL) != RES_OK)
    return 0;
  round_trip(setting, stored);
  if (setting_is_list(setting))
    add_and_remove(setting, stored);
  return 0;
}
