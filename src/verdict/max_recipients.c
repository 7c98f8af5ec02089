#include "message/address_list.h"
#include "verdict/moderation.h"

/* All addresses of To and Cc, of each as many as header_addresses reads. A field with that many has too many for every list with a limit. */
static guint
recipients(const struct header_view *header, bool *uncounted)
{
  static const char *const names[] = { "To", "Cc" };
  guint n = 0;
  for (size_t i = 0; header && i < G_N_ELEMENTS(names); i++) {
    g_autoptr(GPtrArray) found = header_addresses(header, names[i]);
    n += found->len;
    *uncounted |= found->len >= ADDRESS_LIST_MAX;
  }
  return n;
}

static bool
check(const struct facts *facts, struct verdict *verdict, GString *seen)
{
  int64_t limit = facts->list->settings.max_num_recipients;
  if (limit == 0) {
    seen_add(seen, "no limit");
    return false;
  }
  bool uncounted = false;
  guint n = recipients(facts->content->header, &uncounted);
  seen_add(seen, "%u%s addresses in To and Cc, held from %" G_GINT64_FORMAT " on", n, uncounted ? " or more" : "", limit);
  if (n < limit && !uncounted)
    return false;
  return moderation_hold_content(facts, verdict, "it has %u addresses in To and Cc, and %s takes fewer than %" G_GINT64_FORMAT, n, facts->list->posting, limit);
}

const struct rule rule_max_recipients = { "max-recipients", check };
