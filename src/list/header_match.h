#pragma once
/* What owners write to mean messages by a header field: "[ACTION ]NAME: PATTERN". The pattern is searched for in the field's text, without regard
 * to case, with the limits of pattern.h. Any thread. */
#include "base/error.h"
#include "base/slice.h"
#include "list/setting.h"

struct header_match {
  int64_t action;      /* enum moderation; -1: none is named */
  struct slice name;   /* of the field, in small letters */
  const char *pattern; /* these borrow from what was read */
};

/* The form under which `text` is stored, owned by the caller: action and name in small letters, one blank behind them. RES_BAD: it is not of that form,
 * names no action of `actions` (NULL: may name none), or the pattern is none. */
enum res header_match_parse(const char *text, const char *const *actions, char **stored, GError **error) MUST_CHECK;
/* The parts of a stored form; false if it is none (a damaged database). */
bool header_match_read(const char *stored, struct header_match *match) MUST_CHECK;
