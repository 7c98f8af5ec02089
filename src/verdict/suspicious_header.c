#include "verdict/header_search.h"

static bool
check(const struct facts *facts, struct verdict *verdict, GString *seen)
{
  char *const *rows = facts->list->settings.bounce_matching_headers;
  struct header_found found = header_search(facts->content, rows);
  header_found_see(&found, rows, seen);
  return found.some && header_found_hold(facts, &found, verdict);
}

const struct rule rule_suspicious_header = { "suspicious-header", check };
