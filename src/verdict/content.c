#include "envelope/address.h"
#include "message/kind.h"
#include "verdict/facts.h"
#include <string.h>

/* The sources of senders in Mailman's order, and how many addresses each may give: together SENDERS_MAX. */
static const struct source {
  const char *name; /* a header field, or "envelope" */
  guint limit;
  bool proves;
} sources[] = {
  { "From", 10, true },
  { "envelope", 1, true },
  { "Reply-To", 5, false },
  { "Sender", 4, true },
};

void
sender_free(struct sender *sender)
{
  if (!sender)
    return;
  g_free(sender->address);
  g_free(sender->key);
  g_free(sender);
}

static struct sender *
sender_find(GPtrArray *senders, const char *key)
{
  for (guint i = 0; i < senders->len; i++) {
    struct sender *sender = g_ptr_array_index(senders, i);
    if (strcmp(sender->key, key) == 0)
      return sender;
  }
  return NULL;
}

/* What is no address is left out. One that Reply-To named first may still be proved by Sender. */
static void
sender_add(GPtrArray *senders, const struct source *source, const char *address)
{
  g_autofree char *key = address_key_of(slice_of(address));
  if (!key)
    return;
  struct sender *known = sender_find(senders, key);
  if (known) {
    if (source->proves && !known->proves_membership) {
      known->proves_membership = true;
      known->source = source->name;
    }
    return;
  }
  struct sender *sender = g_new(struct sender, 1);
  *sender = (struct sender){ .address = g_strdup(address), .key = g_steal_pointer(&key), .source = source->name, .proves_membership = source->proves, .moderation = -1 };
  g_ptr_array_add(senders, sender);
}

static void
senders_read_field(GPtrArray *senders, const struct source *source, const struct header_view *header)
{
  g_autoptr(GPtrArray) found = header_addresses(header, source->name);
  for (guint i = 0; i < found->len && i < source->limit; i++) {
    const struct mailbox *mailbox = g_ptr_array_index(found, i);
    sender_add(senders, source, mailbox->address);
  }
}

static void
content_read_senders(struct content *content)
{
  for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
    if (strcmp(sources[i].name, "envelope") == 0)
      sender_add(content->senders, &sources[i], content->reverse_path);
    else if (content->header)
      senders_read_field(content->senders, &sources[i], content->header);
}

static void
content_read_header(struct content *content)
{
  g_autoptr(GError) error = NULL;
  if (header_view_new(content->message, &content->header, &error) != RES_OK) {
    content->defect = g_strdup(error->message);
    return;
  }
  content->defect = g_strdup(kind_defect(content->header));
  content->automatic = kind_automatic(content->header);
  content->hops = kind_hops(content->header);
}

struct content *
content_read(struct slice message, const char *reverse_path)
{
  struct content *content = g_new0(struct content, 1);
  content->message = message;
  content->reverse_path = g_strdup(reverse_path);
  content->automatic = "";
  content->senders = g_ptr_array_new_with_free_func((GDestroyNotify)sender_free);
  content_read_header(content);
  if (!*reverse_path)
    content->automatic = "the null reverse-path";
  content_read_senders(content);
  return content;
}

void
content_free(struct content *content)
{
  if (!content)
    return;
  header_view_free(content->header);
  g_free(content->defect);
  g_free(content->reverse_path);
  g_ptr_array_unref(content->senders);
  g_free(content);
}

const char *
content_sender(const struct content *content)
{
  if (content->senders->len == 0)
    return content->reverse_path;
  const struct sender *first = g_ptr_array_index(content->senders, 0);
  return first->address;
}
