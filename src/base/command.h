#pragma once
/* Commands that the configuration names: a program by its absolute path, and its arguments; no shell. */
#include "base/error.h"

/* Splits `text` as a shell would (quotes, no substitutions). RES_OK: `argv`, NULL-terminated, is owned by the caller (g_strfreev); NULL if `text` is empty. RES_BAD: it is
 * not understood, or there is no such program; the error says why. */
enum res command_parse(const char *text, char ***argv, GError **error) MUST_CHECK;
