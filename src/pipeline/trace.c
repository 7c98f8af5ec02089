#include "base/clock.h"
#include "message/hop.h"
#include "pipeline/copy.h"

/* "Precedence: list" keeps old vacation programs quiet; an author's own stays. */
void
set_precedence(struct copy *copy)
{
  if (copy_lacks(copy, "Precedence", NULL))
    copy_add(copy, "Precedence", "list");
}

/* Says that this list has handled the message, for the loop rule. No signature prevents it: naming it there would be a way round that
 * rule. */
void
add_hop(struct copy *copy)
{
  const struct header_view *view = copy->input->message;
  const char *posting = copy->input->list->posting;
  for (const struct header_field *f = header_first(view, HOP_HEADER); f; f = header_next(view, HOP_HEADER, f))
    if (slice_equal_nocase(slice_trim(f->value), slice_of(posting)))
      return;
  header_edit_add(copy->edit, HOP_HEADER, posting);
}

/* RFC 3848, RFC 6531 4.3. */
static const char *
protocol_of(const struct pipeline_input *input)
{
  if (input->smtp)
    return input->smtputf8 ? "UTF8SMTP" : "ESMTP";
  return input->smtputf8 ? "UTF8LMTP" : "LMTP";
}

/* RFC 5321 4.4. The hop count of every MTA lives on it, so no signature prevents it. */
void
add_received(struct copy *copy)
{
  const struct pipeline_input *input = copy->input;
  const char *posting = input->list->posting;
  g_autofree char *date = clock_mail_date(input->received_at);
  g_autoptr(GString) value = g_string_new(NULL);
  if (input->peer && copy_is_host(input->peer))
    g_string_append_printf(value, "from %s ", input->peer);
  g_string_append_printf(value, "by %s with %s id %s", copy_hostname(copy), protocol_of(input), input->posting);
  if (input->smtputf8 || g_str_is_ascii(posting))
    g_string_append_printf(value, " for <%s>", posting);
  g_string_append_printf(value, "; %s", date);
  header_edit_add(copy->edit, "Received", value->str);
}
