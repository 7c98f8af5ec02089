#include "pipeline/copy.h"
#include "base/log.h"
#include "envelope/address.h"

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

char *
copy_mailbox(const char *name, const char *address)
{
  g_autofree char *phrase = copy_phrase(name), *clean = header_clean(address);
  return phrase[0] ? g_strdup_printf("%s <%s>", phrase, clean) : g_steal_pointer(&clean);
}

void
copy_addresses_init(struct copy_addresses *addresses)
{
  *addresses = (struct copy_addresses){ .value = g_string_new(NULL), .keys = g_ptr_array_new_with_free_func(g_free) };
}

void
copy_addresses_clear(struct copy_addresses *addresses)
{
  g_string_free(addresses->value, TRUE);
  g_ptr_array_unref(addresses->keys);
}

void
copy_addresses_add(struct copy_addresses *addresses, const char *name, const char *address, guint max)
{
  g_autofree char *key = address ? address_key_of(slice_of(address)) : NULL;
  if (!key || addresses->keys->len >= max || g_ptr_array_find_with_equal_func(addresses->keys, key, g_str_equal, NULL))
    return;
  g_autofree char *mailbox = copy_mailbox(name, address);
  g_string_append_printf(addresses->value, "%s%s", addresses->keys->len ? ", " : "", mailbox);
  g_ptr_array_add(addresses->keys, g_steal_pointer(&key));
}

void
copy_addresses_add_all(struct copy_addresses *addresses, const struct header_view *view, const char *field, guint max)
{
  g_autoptr(GPtrArray) mailboxes = header_addresses(view, field);
  for (guint i = 0; i < mailboxes->len; i++) {
    const struct mailbox *mailbox = mailboxes->pdata[i];
    copy_addresses_add(addresses, mailbox->name, mailbox->address, max);
  }
}

bool
copy_addresses_stand_in(const struct copy_addresses *addresses, const struct header_view *view, const char *field)
{
  if (header_count(view, field) != 1)
    return false;
  g_autoptr(GPtrArray) mailboxes = header_addresses(view, field);
  bool same = mailboxes->len == addresses->keys->len;
  for (guint i = 0; same && i < mailboxes->len; i++) {
    const struct mailbox *mailbox = mailboxes->pdata[i];
    g_autofree char *key = address_key_of(slice_of(mailbox->address));
    same = g_strcmp0(key, addresses->keys->pdata[i]) == 0;
  }
  return same;
}
