#include "envelope/role.h"
#include "pipeline/copy.h"

/* "<mailto:ant-join@example.com>" (RFC 6068 2): what a local part may hold but a URI may not is percent-encoded, octets above 127 too
 * (RFC 6783 4). */
static char *
mailto(const struct list *list, enum role role, const char *query)
{
  const char *suffix = role_suffix(role);
  g_autofree char *local = g_uri_escape_string(list->local, "!$'*+", FALSE);
  return g_strdup_printf("<mailto:%s%s%s@%s%s>", local, suffix[0] ? "-" : "", suffix, list->domain, query);
}

static void
add_mailto(struct copy *copy, const char *name, enum role role, const char *query)
{
  g_autofree char *uri = mailto(copy->input->list, role, query);
  copy_add(copy, name, uri);
}

/* RFC 2919 3. */
static void
add_list_id(struct copy *copy)
{
  const struct list *list = copy->input->list;
  const char *description = list->settings.description;
  g_autofree char *phrase = copy_phrase(description ? description : "");
  g_autofree char *value = g_strdup_printf("%s%s<%s>", phrase, phrase[0] ? " " : "", list->list_id);
  copy_add(copy, "List-Id", value);
}

/* The fields by which mail programs know a list and its commands (RFC 2369, 2919). List-Archive comes with archives. */
void
add_list_fields(struct copy *copy)
{
  const struct settings *settings = &copy->input->list->settings;
  if (!settings->include_rfc2369_headers)
    return;
  add_mailto(copy, "List-Unsubscribe", ROLE_LEAVE, "");
  add_mailto(copy, "List-Subscribe", ROLE_JOIN, "");
  if (settings->allow_list_posts)
    add_mailto(copy, "List-Post", ROLE_POST, "");
  else
    copy_add(copy, "List-Post", "NO");
  add_mailto(copy, "List-Owner", ROLE_OWNER, "");
  add_mailto(copy, "List-Help", ROLE_REQUEST, "?subject=help");
  add_list_id(copy);
}
