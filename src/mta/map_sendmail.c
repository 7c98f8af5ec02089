/* Sendmail's tables (makemap(8)): key, tab, value. It knows no SMTPUTF8: names beyond ASCII never come. */
#include "base/reply.h"
#include "mta/maps.h"

static bool
is_ascii(struct slice text)
{
  for (size_t i = 0; i < text.n; i++)
    if ((unsigned char)text.p[i] > 127)
      return false;
  return true;
}

static void
add_relay(GString *out, const struct map_address *address, const struct map_target *target)
{
  (void)target;
  if (is_ascii(address->name))
    g_string_append_printf(out, "To:%.*s\tRELAY\n", SLICE_FMT(address->name));
}

/* For every other address of the domain; what it names is found first. */
static void
add_refusal(GString *out, const struct map_host *host, const struct map_target *target)
{
  (void)target;
  if (host->unicode)
    return;
  enum reply reply = REPLY_UNKNOWN_LIST;
  g_autoptr(GString) line = g_string_new(NULL);
  reply_render(reply, NULL, line);
  g_autofree char *head = g_strdup_printf("%d %s ", reply_code(reply), reply_enhanced(reply));
  g_assert(g_str_has_prefix(line->str, head));
  g_string_append_printf(out, "To:%s\tERROR:%s:%d %s\n", host->name, reply_enhanced(reply), reply_code(reply), g_strchomp(line->str + strlen(head)));
}

static void
add_mailer(GString *out, const struct map_host *host, const struct map_target *target)
{
  if (!host->unicode)
    g_string_append_printf(out, "%s\t%s\n", host->name, target->sendmail);
}

const struct map_kind sendmail_map_kinds[] = {
  { "sendmail_access", "sendmail", "every address of every list, and that there are no others in their domains, for access_db", .add_host = add_refusal, .add_address = add_relay,
    .add_reserved = add_relay },
  { "sendmail_mailertable", "sendmail", "the domains, aliases included, and the mailer for them", .add_host = add_mailer },
  { NULL },
};
