/* The whole engine over hooks that know no lists, speaking LMTP. */
#include "door/dialogue_check.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  dialogue_fuzz(PROTOCOL_LMTP, (struct slice){ (const char *)data, size });
  return 0;
}
