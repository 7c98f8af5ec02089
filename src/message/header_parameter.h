#pragma once
/* Parameters of MIME fields (RFC 2045 5.1). Any thread. */
#include "base/slice.h"
#include "message/header_line.h"

/* The pieces of an unfolded value, from { .rest = value } on: what is before the first ';', then each parameter. */
struct header_parameters {
  struct slice rest;
  bool stray_quote, stray_parenthesis; /* one was opened and never closed: they are letters from there on */
};

/* The next piece, without its ';'; not a ';' in quoted strings and comments. */
struct slice header_parameter_next(struct header_parameters *parameters);
/* The value of the parameter called `name` behind the first piece of `value`, dequoted and trimmed; owned by the caller, NULL if there is
 * none. The notation of RFC 2231 is not read. */
char *header_parameter_value(struct slice value, const char *name);

/* Writes the parameters that are left (all but the first piece) to `line`, in the extended notation (RFC 2231 4) where their values are not
 * ASCII: UTF-8, or "unknown-8bit". Values that are there in that notation, too, and pieces of values (RFC 2231 3)
 * have '?' for each octet instead. False: a boundary is not ASCII, and nothing can stand for that. */
bool header_parameter_write(struct header_parameters parameters, struct header_line *line);
