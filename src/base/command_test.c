#include "base/command.h"
#include <string.h>

static void
test_parse(void)
{
  const struct { const char *name, *text, *words, *says; } rows[] = {
    { .name = "none", .text = "" },
    { .name = "alone", .text = "/bin/sh", .words = "/bin/sh" },
    { .name = "arguments", .text = "/bin/sh  -c 'a b' c", .words = "/bin/sh|-c|a b|c" },
    { .name = "no shell", .text = "/bin/sh $HOME `id` >x", .words = "/bin/sh|$HOME|`id`|>x" },
    { .name = "blanks", .text = "  ", .says = "" },
    { .name = "open quote", .text = "/bin/sh 'a", .says = "quot" },
    { .name = "relative", .text = "sh -c x", .says = "absolute path" },
    { .name = "not there", .text = "/nowhere/postmap x", .says = "/nowhere/postmap" },
    { .name = "not executable", .text = "/etc/passwd", .says = "/etc/passwd" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_test_message("row: %s", rows[i].name);
    g_auto(GStrv) argv = (char *[]){ NULL };
    g_autoptr(GError) error = NULL;
    enum res res = command_parse(rows[i].text, &argv, &error);
    g_assert_cmpint(res, ==, rows[i].says ? RES_BAD : RES_OK);
    if (rows[i].says)
      g_assert_nonnull(strstr(error->message, rows[i].says));
    g_autofree char *words = argv ? g_strjoinv("|", argv) : NULL;
    g_assert_cmpstr(words, ==, rows[i].words);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/command/parse", test_parse);
  return g_test_run();
}
