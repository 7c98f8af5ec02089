#pragma once
/* Options about mail that a command would send to members or owners. None can be sent yet: who asks for it is refused while the options are
 * parsed, who asks for none gets what he asks for. */
#include <glib.h>

/* Two rows of a command's options, such as -w, --welcome-msg and -W, --no-welcome-msg; `what` stands after "send" and "do not send". */
#define NOTICE_OPTIONS(name, yes, no, what)                                                                                                   \
  { name, yes, G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, (gpointer)notice_option_yes, "send " what "; cannot be done yet", NULL },         \
  { "no-" name, no, G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, (gpointer)notice_option_no, "do not send " what, NULL }

/* GOptionArgFunc: refuses. */
gboolean notice_option_yes(const char *option, const char *value, gpointer data, GError **error);
/* GOptionArgFunc: does nothing. */
gboolean notice_option_no(const char *option, const char *value, gpointer data, GError **error);
