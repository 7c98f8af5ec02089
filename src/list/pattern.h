#pragma once
/* What owners write to mean senders: an address, or a ^pattern (PCRE2, matched at the start of the folded address, without regard to
 * case). Patterns are untrusted: they are bounded in length, matched without JIT and with limits on steps, depth and memory. Any thread. */
#include "base/error.h"
#include <stdbool.h>

/* Longest pattern, octets. */
#define PATTERN_MAX 1000

/* The form under which `text` is stored, owned by the caller: an address's key, or the pattern as it is. RES_BAD: it is neither; for a
 * pattern the error says at which offset and why. */
enum res pattern_parse(const char *text, char **stored, GError **error) MUST_CHECK;
/* Does the stored form hit the folded address `key`? A pattern that exceeds its limits does not hit, and is logged. Compiled patterns are
 * kept, a bounded number of them, for all threads. */
bool pattern_hits(const char *stored, const char *key);

/* May `text` be searched for? RES_BAD: the error says at which offset it is no pattern, and why. */
enum res pattern_search_check(const char *text, GError **error) MUST_CHECK;
/* Looks for a checked pattern anywhere in `text` (valid UTF-8), without regard to case. PATTERN_LIMIT: that would take too long, or too much
 * memory; nobody knows, and it is logged. Compiled patterns are kept as above. */
enum pattern_found { PATTERN_MISS, PATTERN_HIT, PATTERN_LIMIT };
enum pattern_found pattern_search(const char *pattern, const char *text);
