#include "pipeline/copy.h"
#include "base/log.h"

void
copy_add(struct copy *copy, const char *name, const char *value)
{
  if (header_edit_breaks_signature(copy->edit, name))
    log_note("field left out, a signature names it", log_str("list", copy->input->list->posting), log_str("field", name));
  else
    header_edit_add(copy->edit, name, value);
}

bool
copy_lacks(const struct copy *copy, const char *name, const struct header_field **blank)
{
  const struct header_field *field = header_first(copy->input->message, name);
  bool is_blank = field && slice_trim(field->value).n == 0;
  if (blank)
    *blank = is_blank ? field : NULL;
  return !field || is_blank;
}

bool
copy_is_host(const char *text)
{
  for (const char *c = text; *c; c++)
    if (!g_ascii_isalnum(*c) && !strchr(".-_[]:", *c))
      return false;
  return text[0] != '\0';
}

const char *
copy_hostname(const struct copy *copy)
{
  const char *hostname = copy->input->hostname;
  return hostname && copy_is_host(hostname) ? hostname : copy->input->list->domain;
}

static bool
is_atoms(const char *text)
{
  for (const char *c = text; *c; c++)
    if (!g_ascii_isalnum(*c) && !strchr("!#$%&'*+-/=?^_`{|}~ ", *c))
      return false;
  return true;
}

char *
copy_phrase(const char *text)
{
  g_autofree char *clean = header_clean(text);
  g_strstrip(clean);
  g_autofree char *encoded = header_encode(clean);
  if (strcmp(encoded, clean) != 0 || is_atoms(clean))
    return g_steal_pointer(&encoded);
  GString *quoted = g_string_new("\"");
  for (const char *c = clean; *c; c++) {
    if (*c == '"' || *c == '\\')
      g_string_append_c(quoted, '\\');
    g_string_append_c(quoted, *c);
  }
  g_string_append_c(quoted, '"');
  return g_string_free(quoted, FALSE);
}
