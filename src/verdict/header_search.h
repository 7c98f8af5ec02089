#pragma once
/* Header fields that a list's settings look for (list/header_match.h). */
#include "list/header_match.h"
#include "verdict/rule.h"

/* The first row that hits, or, if `limit`, that could not be tried to its end. */
struct header_found {
  bool some;
  bool limit;
  struct header_match match; /* borrows from the rows */
};
/* Looks for `rows` (stored forms, NULL-terminated) in the fields of the message's own header, decoded. The time is bounded: by the limits of
 * a pattern, and by the number of times that one is tried. */
struct header_found header_search(const struct content *content, char *const *rows);
/* Holds for what was found; returns true. */
bool header_found_hold(const struct facts *facts, const struct header_found *found, struct verdict *verdict);
/* Tells `seen` what was found. */
void header_found_see(const struct header_found *found, char *const *rows, GString *seen);
