#include "cli/notice_option.h"

gboolean
notice_option_yes(const char *option, const char *value, gpointer data, GError **error)
{
  (void)value, (void)data;
  g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "such mail cannot be sent yet; leave %s out", option);
  return FALSE;
}

gboolean
notice_option_no(const char *option, const char *value, gpointer data, GError **error)
{
  (void)option, (void)value, (void)data, (void)error;
  return TRUE;
}
