#include "courier/second_form.h"
#include "courier/slots.h"
#include "message/downgrade.h"

static enum res
downgrade(struct second_form *second, const struct copy_form *as_is, enum form form, GError **error)
{
  enum downgrade how = form == FORM_SEVEN_BIT ? DOWNGRADE_SEVEN_BIT : DOWNGRADE_HEADER;
  if (as_is->header.n == 0)
    return refuse(error, REPLY_NO_CONVERSION, "the message cannot be read");
  return message_downgrade(as_is->header, as_is->body, how, &second->header, &second->body, error);
}

void
second_form_make(struct second_form *second, const struct copy_form *as_is, const bool wanted[SLOT_COUNT], enum form form)
{
  g_autoptr(GError) error = NULL;
  *second = (struct second_form){ .header = NULL };
  if (downgrade(second, as_is, form, &error) != RES_OK) {
    second->reply = error_reply(error, REPLY_NO_CONVERSION);
    second->refusal = g_strdup(error ? error->message : "it cannot be converted");
    return;
  }
  struct copy_form *made = &second->form;
  made->header = second->header ? slice_bytes(second->header) : as_is->header;
  made->body = second->body ? slice_bytes(second->body) : as_is->body;
  made->eight_bit = octets_are_8bit(made->header) || octets_are_8bit(made->body);
  slots_find(made, wanted);
}

void
second_form_clear(struct second_form *second)
{
  g_clear_pointer(&second->header, g_bytes_unref);
  g_clear_pointer(&second->body, g_bytes_unref);
  g_clear_pointer(&second->refusal, g_free);
}

int64_t
second_form_size(const struct second_form *second)
{
  return (int64_t)((second->header ? g_bytes_get_size(second->header) : 0) + (second->body ? g_bytes_get_size(second->body) : 0));
}
