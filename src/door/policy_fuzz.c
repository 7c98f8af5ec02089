/* A whole session of Postfix's policy protocol. However the input is cut, the answers must be the same, and each one line and an empty one. */
#include "base/log.h"
#include "door/questions_check.h"

static void
check_answers(struct slice text)
{
  while (text.n > 0) {
    struct slice line = slice_until(text, '\n');
    g_assert(slice_starts_nocase(line, SLICE("action=")) && line.n <= REPLY_LINE_MAX + 7);
    text = slice_skip(text, line.n);
    g_assert(text.n >= 2 && text.p[1] == '\n');
    text = slice_skip(text, 2);
  }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size == 0)
    return 0;
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  g_autoptr(GString) output = questions_fuzz(&policy_service, (struct slice){ (const char *)data + 1, size - 1 }, data[0]);
  check_answers((struct slice){ output->str, output->len });
  return 0;
}
