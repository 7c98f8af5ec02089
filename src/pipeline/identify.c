#include "base/clock.h"
#include "message/identity.h"
#include "pipeline/copy.h"

/* A field that RFC 5322 3.6 wants and the author's program did not write; a blank one gets its value in place. */
static void
supply(struct copy *copy, const char *name, const char *value)
{
  const struct header_field *blank;
  if (!copy_lacks(copy, name, &blank))
    return;
  if (blank)
    header_edit_replace(copy->edit, blank, value);
  else
    copy_add(copy, name, value);
}

/* Missing Date and Message-ID, and the hash by which archives know the message. All are the same in a repeat. */
void
identify(struct copy *copy)
{
  const struct pipeline_input *input = copy->input;
  g_autofree char *date = clock_mail_date(input->received_at);
  supply(copy, "Date", date);

  g_autofree char *id = identity_message_id(input->message);
  if (!id && copy_lacks(copy, "Message-ID", NULL)) {
    id = identity_make_message_id(input->message, copy_hostname(copy));
    g_autofree char *value = g_strdup_printf("<%s>", id);
    supply(copy, "Message-ID", value);
  }
  if (id) {
    g_autofree char *hash = identity_hash(id);
    copy_add(copy, "Message-ID-Hash", hash);
  }
}
