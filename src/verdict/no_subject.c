#include "verdict/moderation.h"

static bool
check(const struct facts *facts, struct verdict *verdict, GString *seen)
{
  if (!facts->list->settings.require_subject) {
    seen_add(seen, "the list asks for no subject");
    return false;
  }
  const struct header_view *header = facts->content->header;
  const struct header_field *field = header ? header_first(header, "Subject") : NULL;
  g_autofree char *subject = field ? header_text(field) : g_strdup("");
  seen_add(seen, "%s", !field ? "no Subject" : *subject ? "a Subject" : "an empty Subject");
  return !*subject && moderation_hold_content(facts, verdict, "postings to %s need a subject, and this has none", facts->list->posting);
}

const struct rule rule_no_subject = { "no-subject", check };
