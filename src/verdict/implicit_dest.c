#include "envelope/address.h"
#include "list/pattern.h"
#include "verdict/moderation.h"
#include <string.h>

static const char *const names[] = { "To", "Cc", "Resent-To", "Resent-Cc" };

/* Patterns tried for a message at most, each with the limits of pattern.h: a thousand addresses times a thousand patterns are nobody's need. */
#define TRIES_MAX 2000

/* The posting address, in the list's domain or in the domain that means it. */
static bool
is_list(const struct facts *facts, const char *key)
{
  const struct list *list = facts->list;
  if (g_str_equal(key, list->posting))
    return true;
  size_t n = strlen(list->local);
  return facts->domain_alias && strncmp(key, list->local, n) == 0 && key[n] == '@' && g_str_equal(key + n + 1, facts->domain_alias);
}

static bool
is_alias(const struct facts *facts, const char *key, unsigned *tries)
{
  for (char **alias = facts->list->settings.acceptable_aliases; *alias; alias++) {
    bool is_pattern = **alias == '^';
    if ((!is_pattern || *tries > 0) && pattern_hits(*alias, key))
      return true;
    *tries -= is_pattern && *tries > 0;
  }
  return false;
}

/* The first field with an address that names the list, or NULL. */
static const char *
naming_field(const struct facts *facts, unsigned *tries)
{
  for (size_t i = 0; facts->content->header && i < G_N_ELEMENTS(names); i++) {
    g_autoptr(GPtrArray) found = header_addresses(facts->content->header, names[i]);
    for (guint j = 0; j < found->len; j++) {
      const struct mailbox *mailbox = g_ptr_array_index(found, j);
      g_autofree char *key = address_key_of(slice_of(mailbox->address));
      if (key && (is_list(facts, key) || is_alias(facts, key, tries)))
        return names[i];
    }
  }
  return NULL;
}

static bool
check(const struct facts *facts, struct verdict *verdict, GString *seen)
{
  if (!facts->list->settings.require_explicit_destination) {
    seen_add(seen, "the list need not be named");
    return false;
  }
  unsigned tries = TRIES_MAX;
  const char *field = naming_field(facts, &tries);
  seen_add(seen, "named by %s", field ? field : "neither To nor Cc");
  if (tries == 0)
    seen_add(seen, "after %d patterns no more were tried", TRIES_MAX);
  return !field && moderation_hold_content(facts, verdict, "neither To nor Cc names %s", facts->list->posting);
}

const struct rule rule_implicit_dest = { "implicit-dest", check };
