#include "base/error.h"
#include <stdarg.h>

/* Not G_DEFINE_QUARK: threads whose first errors come at once would race for its variable. */
GQuark
listward_error_quark(void)
{
  static _Atomic GQuark quark;
  if (quark == 0)
    quark = g_quark_from_static_string("listward-error-quark");
  return quark;
}

static void
error_set(GError **error, enum reply reply, const char *format, va_list args)
{
  if (error == NULL)
    return;
  g_assert(*error == NULL);
  *error = g_error_new_valist(LISTWARD_ERROR, (int)reply, format, args);
}

enum res
refuse(GError **error, enum reply reply, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  error_set(error, reply, format, args);
  va_end(args);
  return RES_BAD;
}

enum res
trouble(GError **error, enum reply reply, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  error_set(error, reply, format, args);
  va_end(args);
  return RES_TEMP;
}

enum reply
error_reply(const GError *error, enum reply otherwise)
{
  if (error == NULL || error->domain != LISTWARD_ERROR)
    return otherwise;
  return (enum reply)error->code;
}
