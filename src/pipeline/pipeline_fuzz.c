/* Any message through all handlers: the result is a header with our fields at their places, once more of it adds a trace line alone, and
 * nothing of a stranger's gets into a line of ours. The first octet chooses the settings. */
#include "message/hop.h"
#include "pipeline/pipeline.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static GBytes *
handle(const struct list *list, const struct header_view *view)
{
  struct pipeline_input input = { .list = list, .message = view, .posting = "abc123def456", .number = 12, .hostname = "lists.example.com",
                                  .peer = "" };
  return pipeline_posting(&input);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const char *const prefixes[] = { "", "[Ant] ", "[Ant %05d]", "\xc3\xa4:" };
  if (size == 0)
    return 0;
  OWN(header_view) view = NULL;
  if (header_view_new((struct slice){ (const char *)data + 1, size - 1 }, &view, NULL) != RES_OK)
    return 0;
  struct list list = { .local = (char *)"ant", .domain = (char *)"example.com", .posting = (char *)"ant@example.com",
                       .list_id = (char *)"ant.example.com" };
  list.settings = (struct settings){ .include_rfc2369_headers = 1, .reply_goes_to_list = data[0] & 3, .first_strip_reply_to = data[0] >> 2 & 1, .personalize = data[0] >> 5 & 3, .reply_to_address = (char *)"desk@example.com",
                                     .subject_prefix = (char *)prefixes[data[0] >> 3 & 3] };

  g_autoptr(GBytes) bytes = handle(&list, view);
  struct slice text = slice_bytes(bytes);
  OWN(header_view) once = NULL;
  if (header_view_new(text, &once, NULL) != RES_OK)
    return 0; /* grown over the limit */
  g_assert(once->header.n + 2 == text.n);
  g_assert(once->n >= 2 && slice_equal(once->fields[0].name, SLICE("Received")));
  g_assert(header_count(once, "Approved") == 0 && header_count(once, HOP_HEADER) >= 1 && header_count(once, "List-Id") <= 1);
  if (list.settings.personalize == PERSONALIZE_FULL) {
    g_assert(header_count(once, "To") == 1 && header_count(once, "Cc") == 1);
    g_autoptr(GPtrArray) to = header_addresses(once, "To");
    g_assert(to->len == 1 && g_ascii_strcasecmp(((struct mailbox *)to->pdata[0])->address, "ant@example.com") == 0);
  }
  const struct header_field *id = header_first(once, "List-Id");
  g_assert(!id || slice_equal(id->value, SLICE(" <ant.example.com>")));

  if (list.settings.subject_prefix == prefixes[1]) {
    g_autofree char *subject = header_text(header_first(once, "Subject"));
    g_assert(g_str_has_prefix(subject, "[Ant]") && !g_str_has_prefix(subject, "[Ant] [Ant]"));
  }

  g_autoptr(GBytes) more = handle(&list, once);
  OWN(header_view) twice = NULL;
  if (header_view_new(slice_bytes(more), &twice, NULL) != RES_OK)
    return 0;
  g_assert(header_count(twice, "Received") == header_count(once, "Received") + 1);
  g_assert(header_count(twice, HOP_HEADER) == header_count(once, HOP_HEADER));
  return 0;
}
