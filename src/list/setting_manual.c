/* The manual's page of settings, made from the table. */
#include "list/setting.h"

/* Texts of the table in a Markdown cell. */
static void
append_cell(GString *page, const char *text)
{
  g_string_append(page, " | ");
  for (; *text; text++)
    if (*text == '|')
      g_string_append(page, "\\|");
    else
      g_string_append_c(page, *text);
}

static void
append_value(GString *page, const struct setting *setting, const char *stored)
{
  g_autofree char *shown = setting_display(setting, stored);
  g_string_append(page, " | ");
  if (*shown)
    g_string_append_printf(page, "`%s`", shown);
}

static void
append_row(GString *page, const struct setting *setting)
{
  g_autofree char *allowed = setting_allowed(setting);
  g_string_append_printf(page, "| %s", setting->name);
  append_cell(page, setting->doc);
  if (!setting->read_only) {
    append_cell(page, allowed);
    const char *style;
    for (size_t i = 0; (style = style_nth(i)); i++)
      append_value(page, setting, setting_default(setting, style));
  }
  g_string_append(page, " |\n");
}

/* The rows that work, that do not yet, or that are facts. */
static void
append_rows(GString *page, bool works, bool read_only)
{
  for (const struct setting *setting = setting_table; setting->name; setting++)
    if (setting->works == works && setting->read_only == read_only)
      append_row(page, setting);
}

static void
append_head(GString *page)
{
  g_string_append(page, "| setting | what it does | values");
  const char *style;
  size_t n = 3;
  for (size_t i = 0; (style = style_nth(i)); i++, n++)
    g_string_append_printf(page, " | %s", style);
  g_string_append(page, " |\n|");
  while (n--)
    g_string_append(page, "---|");
  g_string_append_c(page, '\n');
}

char *
setting_manual(void)
{
  GString *page = g_string_new("# The settings of a list\n\n"
                               "`listward show LIST [NAME]` shows them, `listward set LIST NAME=VALUE` changes them, at once.\n"
                               "Names, types and units are those of Mailman's REST interface. Lists take one item a line or a JSON array;\n"
                               "`NAME+=ITEM` and `NAME-=ITEM` change single items. A new list takes its values from its style:\n\n");
  const char *style;
  for (size_t i = 0; (style = style_nth(i)); i++)
    g_string_append_printf(page, "- `%s`%s: %s\n", style, i ? "" : " (if none is named)", style_doc(style));
  g_string_append(page, "\nA new list's `display_name` is the local part of its address with a capital, and its `subject_prefix`, except in\n"
                        "`listward-default`, that name in brackets.\n\n");
  append_head(page);
  append_rows(page, true, false);
  g_string_append(page, "\n## Settings whose work does not exist in this version\n\nThey are known with their defaults; `set` refuses them.\n\n");
  append_head(page);
  append_rows(page, false, false);
  g_string_append(page, "\n## Facts\n\nRead-only.\n\n| name | what it is |\n|---|---|\n");
  append_rows(page, false, true);
  return g_string_free(page, FALSE);
}
