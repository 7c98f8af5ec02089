/* What a message says by itself, from any octets: bounded, valid UTF-8, and the same however often it is read. */
#include "verdict/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_sender(const struct sender *sender)
{
  g_assert(sender->address && g_utf8_validate(sender->address, -1, NULL));
  g_assert(sender->key && g_utf8_validate(sender->key, -1, NULL) && !strpbrk(sender->key, "\r\n"));
}

/* Every rule of the chain that needs nothing but the message, on a list that has them all on. */
static void
judge(const struct content *content)
{
  OWN(list) list = list_new("ant", "example.com", "legacy-default");
  setting_apply(setting_find("acceptable_aliases"), "[\"^.*(a+)+@example[.]org\",\"all@example.org\"]", &list->settings);
  setting_apply(setting_find("header_matches"), "[\"discard subject: (a+)+$\",\"from: x\",\"content-type: .*;.*b\"]", &list->settings);
  setting_apply(setting_find("default_nonmember_action"), "defer", &list->settings);
  struct facts facts = { .list = list, .content = content, .senders = content->senders };
  OWN(trace) trace = trace_new();
  struct verdict verdict;
  verdict_judge(&facts, &verdict, trace);
  g_assert(g_utf8_validate(verdict.reason, -1, NULL) && !strpbrk(verdict.reason, "\r\n"));
  for (guint i = 0; i < trace->steps->len; i++)
    g_assert(*((const struct trace_step *)trace->steps->pdata[i])->facts);
  verdict_clear(&verdict);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct slice message = { (const char *)data, size };
  OWN(content) content = content_read(message, "joe@example.org");
  OWN(content) again = content_read(message, "joe@example.org");
  g_assert(content->header || content->defect);
  g_assert(content->senders->len <= SENDERS_MAX && content->senders->len == again->senders->len && content->hops == again->hops);
  g_assert(g_str_equal(content->automatic, again->automatic) && g_utf8_validate(content_sender(content), -1, NULL));
  for (guint i = 0; i < content->senders->len; i++)
    check_sender(g_ptr_array_index(content->senders, i));
  judge(content);
  return 0;
}
