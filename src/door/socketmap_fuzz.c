/* A whole session of socketmap. However the input is cut, the answers must be the same, and netstrings all of them. */
#include "base/log.h"
#include "door/questions_check.h"

static void
check_answers(struct slice text)
{
  while (text.n > 0) {
    int64_t length;
    struct slice digits = slice_until(text, ':');
    g_assert(slice_to_uint(digits, &length) && length >= 5);
    text = slice_skip(text, digits.n + 1);
    g_assert(text.n > (size_t)length && text.p[length] == ',');
    text = slice_skip(text, (size_t)length + 1);
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
  g_autoptr(GString) output = questions_fuzz(&socketmap_service, (struct slice){ (const char *)data + 1, size - 1 }, data[0]);
  check_answers((struct slice){ output->str, output->len });
  return 0;
}
