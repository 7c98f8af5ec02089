#include "base/log.h"
#include "pipeline/copy.h"

/* Addresses of the author's own To and Cc that are kept at most. */
#define CC_ADDRESSES_MAX 500

/* The one To of the shared header, where the first of the author's stood: each copy names its member there instead. Replaced even where it names the list
 * already, since that is what becomes of it. */
static void
set_to(struct copy *copy)
{
  const struct header_view *view = copy->input->message;
  const struct header_field *first = header_first(view, "To");
  if (first)
    header_edit_replace(copy->edit, first, copy->input->list->posting);
  else
    header_edit_add(copy->edit, "To", copy->input->list->posting);
  for (const struct header_field *more = first; more && (more = header_next(view, "To", more));)
    header_edit_remove(copy->edit, more);
}

/* Cc names the list, so that an answer to all reaches it, and who else stood in To. */
static void
set_cc(struct copy *copy)
{
  const struct header_view *view = copy->input->message;
  struct copy_addresses cc;
  copy_addresses_init(&cc);
  copy_addresses_add_all(&cc, view, "Cc", CC_ADDRESSES_MAX - 1);
  copy_addresses_add(&cc, "", copy->input->list->posting, CC_ADDRESSES_MAX);
  copy_addresses_add_all(&cc, view, "To", CC_ADDRESSES_MAX);
  if (!copy_addresses_stand_in(&cc, view, "Cc")) {
    header_edit_remove_all(copy->edit, "Cc");
    header_edit_add(copy->edit, "Cc", cc.value->str);
  }
  copy_addresses_clear(&cc);
}

/* What personalize = full wants of the header that all copies share. A choice, so done whatever a signature says. */
void
personalize(struct copy *copy)
{
  if (copy->input->list->settings.personalize != PERSONALIZE_FULL)
    return;
  size_t broken = header_edit_broken_signatures(copy->edit);
  set_to(copy);
  set_cc(copy);
  if (header_edit_broken_signatures(copy->edit) > broken)
    log_note("signature broken by personalize", log_str("list", copy->input->list->posting));
}

char *
pipeline_to(const char *name, const char *address)
{
  g_autofree char *mailbox = copy_mailbox(name, address);
  OWN(header_view) nothing = NULL;
  enum res res = header_view_new(SLICE("\r\n"), &nothing, NULL);
  g_assert(res == RES_OK);
  OWN(header_edit) edit = header_edit_new(nothing);
  header_edit_add(edit, "To", mailbox);
  g_autoptr(GBytes) header = header_edit_apply(edit);
  struct slice field = slice_bytes(header);
  return slice_dup(slice_head(field, field.n - 2)); /* without the empty line */
}
