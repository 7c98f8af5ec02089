#include "courier/roster_chunk.h"

/* What the database gives back, damaged. What can be read must read the same again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct slice octets = { (const char *)data, size };
  g_autoptr(GArray) ids = NULL;
  if (roster_chunk_decode(octets, &ids, NULL) == RES_OK) {
    g_autoptr(GByteArray) again = roster_chunk_encode((const int64_t *)(void *)ids->data, ids->len);
    g_autoptr(GArray) same = NULL;
    g_assert(roster_chunk_decode((struct slice){ (const char *)again->data, again->len }, &same, NULL) == RES_OK);
    g_assert(same->len == ids->len);
    for (guint i = 0; i < ids->len; i++)
      g_assert(g_array_index(same, int64_t, i) == g_array_index(ids, int64_t, i));
  }
  return 0;
}
