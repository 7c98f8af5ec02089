#include "courier/chunk_replies.h"
#include "courier/roster_chunk.h"

/* What the database gives back, damaged: members, and the text of replies. What can be read must read the same again. */
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
  struct roster_skips skips = { .digest = 0 };
  int64_t copy = 0;
  chunk_replies_count_skipped(octets, &skips, &copy);
  for (size_t member = 0; member < 3; member++) {
    struct slice reply = chunk_replies_of(octets, member);
    g_assert(reply.n <= size);
  }
  return 0;
}
