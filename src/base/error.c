#include "base/error.h"
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>

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

/* EFBIG: over RLIMIT_FSIZE, or more than the file system can hold in a file. */
enum res
file_trouble(const char *path, const char *doing, GError **error)
{
  bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
  return trouble(error, full ? REPLY_FULL : REPLY_TROUBLE, "%s: %s: %s", path, doing, g_strerror(errno));
}

enum reply
error_reply(const GError *error, enum reply otherwise)
{
  if (error == NULL || error->domain != LISTWARD_ERROR)
    return otherwise;
  return (enum reply)error->code;
}
