#include "envelope/address.h"
#include "pipeline/copy.h"

/* Addresses of the author's own Reply-To that are kept at most. */
#define REPLY_ADDRESSES_MAX 100

struct targets {
  GString *value;
  GPtrArray *keys; /* of the addresses in `value`, in order */
};

/* Adds an address unless it is there already, or is none. */
static void
add_target(struct targets *targets, const char *name, const char *address)
{
  g_autofree char *key = address ? address_key_of(slice_of(address)) : NULL;
  if (!key || targets->keys->len >= REPLY_ADDRESSES_MAX || g_ptr_array_find_with_equal_func(targets->keys, key, g_str_equal, NULL))
    return;
  g_autofree char *phrase = copy_phrase(name);
  g_autofree char *clean = header_clean(address);
  g_string_append_printf(targets->value, phrase[0] ? "%s%s <%s>" : "%s%s%s", targets->keys->len ? ", " : "", phrase, clean);
  g_ptr_array_add(targets->keys, g_steal_pointer(&key));
}

static void
add_originals(struct targets *targets, const struct header_view *view)
{
  g_autoptr(GPtrArray) originals = header_addresses(view, "Reply-To");
  for (guint i = 0; i < originals->len; i++) {
    const struct mailbox *mailbox = originals->pdata[i];
    add_target(targets, mailbox->name, mailbox->address);
  }
}

/* True: the message's only Reply-To names just these, in this order. */
static bool
is_there(const struct targets *targets, const struct header_view *view)
{
  if (header_count(view, "Reply-To") != 1)
    return false;
  g_autoptr(GPtrArray) originals = header_addresses(view, "Reply-To");
  bool same = originals->len == targets->keys->len;
  for (guint i = 0; same && i < originals->len; i++) {
    const struct mailbox *mailbox = originals->pdata[i];
    g_autofree char *key = address_key_of(slice_of(mailbox->address));
    same = g_strcmp0(key, targets->keys->pdata[i]) == 0;
  }
  return same;
}

/* Reply-To as the owner wants it: the explicit address, then the author's (unless stripped), then the list, each once. A choice, so done
 * whatever a signature says; nothing is touched where it is so already. */
void
direct_replies(struct copy *copy)
{
  const struct list *list = copy->input->list;
  const struct settings *settings = &list->settings;
  int64_t how = settings->reply_goes_to_list;
  g_autoptr(GString) value = g_string_new(NULL);
  g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
  struct targets targets = { .value = value, .keys = keys };
  if (how == REPLY_GOES_EXPLICIT || how == REPLY_GOES_EXPLICIT_ONLY)
    add_target(&targets, "", settings->reply_to_address);
  bool munging = how == REPLY_GOES_TO_LIST || keys->len > 0; /* an explicit address that is not set munges nothing */
  bool only = how == REPLY_GOES_EXPLICIT_ONLY && munging;
  if (munging && !only && !settings->first_strip_reply_to)
    add_originals(&targets, copy->input->message);
  if (how == REPLY_GOES_TO_LIST)
    add_target(&targets, settings->display_name ? settings->display_name : "", list->posting);

  if (!munging && !settings->first_strip_reply_to)
    return;
  if (munging && is_there(&targets, copy->input->message))
    return;
  header_edit_remove_all(copy->edit, "Reply-To");
  if (munging)
    header_edit_add(copy->edit, "Reply-To", value->str);
}
