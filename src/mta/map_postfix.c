/* Postfix's tables (postmap(1)): key, blanks, value. Lookups are done with addresses as they came, so a domain with U-labels stands there in both forms. */
#include "mta/maps.h"

static void
add_line(GString *out, struct slice key, const char *value)
{
  g_string_append_len(out, key.p, (gssize)key.n);
  g_string_append_c(out, '\t');
  g_string_append(out, value);
  g_string_append_c(out, '\n');
}

static void
add_transport(GString *out, const struct map_address *address, const struct map_target *target)
{
  add_line(out, address->name, target->postfix);
}

static void
add_domain(GString *out, const struct map_host *host, const struct map_target *target)
{
  (void)target;
  add_line(out, slice_of(host->name), host->name);
}

static void
add_own_domain(GString *out, const struct map_host *host, const struct map_target *target)
{
  if (!host->alias)
    add_domain(out, host, target);
}

/* virtual(5): a line with the domain alone says that it is a virtual alias domain. */
static void
add_virtual_domain(GString *out, const struct map_host *host, const struct map_target *target)
{
  if (host->alias)
    add_domain(out, host, target);
}

static void
add_virtual_alias(GString *out, const struct map_address *address, const struct map_target *target)
{
  (void)target;
  if (!address->host->alias)
    return;
  g_string_append_len(out, address->name.p, (gssize)address->name.n);
  g_string_append_c(out, '\t');
  g_string_append_len(out, address->own.p, (gssize)address->own.n);
  g_string_append_c(out, '\n');
}

const struct map_kind postfix_map_kinds[] = {
  { "postfix_lmtp", "postfix", "every address of every list, for transport_maps and as recipients that exist", .add_address = add_transport },
  { "postfix_postmaster", "postfix", "postmaster and the other names of a domain that is for lists alone, as postfix_lmtp", .add_reserved = add_transport },
  { "postfix_domains", "postfix", "the domains, aliases included, for relay_domains", .add_host = add_domain },
  { "postfix_own_domains", "postfix", "the domains without aliases, for relay_domains beside postfix_vmap", .add_host = add_own_domain },
  { "postfix_vmap", "postfix", "addresses in aliases of domains, for virtual_alias_maps", .add_host = add_virtual_domain, .add_address = add_virtual_alias,
    .add_reserved = add_virtual_alias },
  { NULL },
};
