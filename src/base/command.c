#include "base/command.h"
#include <errno.h>
#include <unistd.h>

enum res
command_parse(const char *text, char ***argv, GError **error)
{
  g_autoptr(GError) problem = NULL;
  g_auto(GStrv) words = NULL;
  *argv = NULL;
  if (text[0] == '\0')
    return RES_OK;
  if (!g_shell_parse_argv(text, NULL, &words, &problem))
    return refuse(error, REPLY_SYNTAX, "%s", problem->message);
  if (words[0][0] != '/')
    return refuse(error, REPLY_SYNTAX, "it begins with the absolute path of a program");
  if (access(words[0], X_OK) != 0)
    return refuse(error, REPLY_SYNTAX, "%s: %s", words[0], g_strerror(errno));
  *argv = g_steal_pointer(&words);
  return RES_OK;
}
