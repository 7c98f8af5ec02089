/* A whole session of readsocket. However the input is cut, the answer and what the hooks were told must be the same, and one line. */
#include "base/log.h"
#include "door/questions_check.h"

static const char *const answers[] = { "ok\n", "ok 250 ", "unknown\n", "none\n", "defer 4", "error ", "5" };

static bool
is_answer(const char *text)
{
  for (size_t i = 0; i < G_N_ELEMENTS(answers); i++)
    if (g_str_has_prefix(text, answers[i]))
      return true;
  return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size == 0)
    return 0;
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  g_autoptr(GString) output = questions_fuzz(&readsocket_service, (struct slice){ (const char *)data + 1, size - 1 }, data[0]);
  g_assert(is_answer(output->str) && strchr(output->str, '\n') == output->str + output->len - 1);
  return 0;
}
