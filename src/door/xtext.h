#pragma once
/* RFC 3461 4: xtext, in which XFORWARD's attributes and DSN's parameters are written. */
#include "base/slice.h"
#include <glib.h>
#include <stdbool.h>

/* Adds what `text` spells to `out`. False: a '+' is not followed by two hexadecimal digits (either case); `out` then holds what came before
 * it. Octets that xtext would have written as +XX are taken as they are. */
bool xtext_decode(struct slice text, GString *out);
