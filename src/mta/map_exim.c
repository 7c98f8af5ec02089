/* Exim's lsearch files, "key: value", looked up without regard to case, and a folder for require_files. */
#include "mta/maps.h"

static void
add_alias(GString *out, const struct map_address *address, const struct map_target *target)
{
  (void)target;
  g_string_append_len(out, address->name.p, (gssize)address->name.n);
  g_string_append(out, ": ");
  g_string_append_len(out, address->name.p, (gssize)slice_find(address->name, '@'));
  g_string_append_c(out, '\n');
}

static void
add_domain(GString *out, const struct map_host *host, const struct map_target *target)
{
  (void)target;
  g_string_append_printf(out, "%s: %s\n", host->name, host->own);
}

const struct map_kind exim_map_kinds[] = {
  { "exim_aliases", "exim", "every address of every list", .add_address = add_alias },
  { "exim_postmaster", "exim", "postmaster and the other names of a domain that is for lists alone, as exim_aliases", .add_reserved = add_alias },
  { "exim_domains", "exim", "the domains, aliases included, for a domainlist", .add_host = add_domain },
  { "exim_lists", "exim", "a folder with an empty file LIST@DOMAIN for each list, for require_files", .folder = true },
  { NULL },
};
