#include "courier/roster_chunk.h"

static void
append_varint(GByteArray *out, uint64_t n)
{
  guint8 octet;
  for (; n >= 0x80; n >>= 7) {
    octet = (guint8)(n | 0x80);
    g_byte_array_append(out, &octet, 1);
  }
  octet = (guint8)n;
  g_byte_array_append(out, &octet, 1);
}

GByteArray *
roster_chunk_encode(const int64_t *ids, size_t n)
{
  g_assert(n <= ROSTER_CHUNK_MAX);
  GByteArray *out = g_byte_array_new();
  int64_t before = 0;
  for (size_t i = 0; i < n; i++) {
    g_assert(ids[i] > 0);
    int64_t step = ids[i] - before; /* both are above 0: no overflow */
    append_varint(out, step >= 0 ? (uint64_t)step << 1 : ((uint64_t)-step << 1) - 1);
    before = ids[i];
  }
  return out;
}

/* Octets used, or 0: cut short or longer than 64 bits. */
static size_t
read_varint(struct slice s, uint64_t *n)
{
  *n = 0;
  for (size_t i = 0; i < s.n && i < 10; i++) {
    uint64_t seven = (uint64_t)s.p[i] & 0x7f;
    if (i == 9 && seven > 1)
      return 0;
    *n |= seven << (7 * i);
    if (!(s.p[i] & 0x80))
      return i + 1;
  }
  return 0;
}

enum res
roster_chunk_decode(struct slice octets, GArray **ids, GError **error)
{
  g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(int64_t));
  int64_t id = 0;
  while (octets.n > 0) {
    uint64_t zigzag;
    size_t used = read_varint(octets, &zigzag);
    int64_t step = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
    if (used == 0 || __builtin_add_overflow(id, step, &id) || id <= 0 || found->len == ROSTER_CHUNK_MAX)
      return refuse(error, REPLY_TROUBLE, "the members of a chunk cannot be read");
    g_array_append_val(found, id);
    octets = slice_skip(octets, used);
  }
  *ids = g_steal_pointer(&found);
  return RES_OK;
}
