#include "courier/retry.h"
#include "courier/roster_chunk.h"

static const struct {
  const char *name;
  int64_t ids[6];
  size_t n, size; /* size: of the octets */
} sets[] = {
  { .name = "none", .n = 0, .size = 0 },
  { .name = "one", .ids = { 1 }, .n = 1, .size = 1 },
  { .name = "in a row", .ids = { 1, 2, 3, 4 }, .n = 4, .size = 4 },
  { .name = "63 and 64 apart", .ids = { 63, 127 }, .n = 2, .size = 3 },
  { .name = "backwards", .ids = { 1000, 1, 999 }, .n = 3, .size = 6 },
  { .name = "largest", .ids = { INT64_MAX, 1, INT64_MAX }, .n = 3, .size = 30 },
  { .name = "twice the same", .ids = { 7, 7 }, .n = 2, .size = 2 },
};

static void
assert_ids(const GArray *ids, const int64_t *wanted, size_t n)
{
  g_assert_cmpuint(ids->len, ==, n);
  for (guint i = 0; i < n; i++)
    g_assert_cmpint(g_array_index(ids, int64_t, i), ==, wanted[i]);
}

static void
test_round_trip(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(sets); i++) {
    g_autoptr(GByteArray) octets = roster_chunk_encode(sets[i].ids, sets[i].n);
    g_autoptr(GArray) ids = NULL;
    g_test_message("%s", sets[i].name);
    g_assert_cmpuint(octets->len, ==, sets[i].size);
    g_assert_cmpint(roster_chunk_decode((struct slice){ (const char *)octets->data, octets->len }, &ids, NULL), ==, RES_OK);
    assert_ids(ids, sets[i].ids, sets[i].n);
    /* Cut inside a number it is no chunk; cut between two it is a shorter one. */
    for (size_t cut = 0; cut < octets->len; cut++) {
      g_autoptr(GArray) fewer = NULL;
      bool inside = cut > 0 && (octets->data[cut - 1] & 0x80);
      g_assert_cmpint(roster_chunk_decode((struct slice){ (const char *)octets->data, cut }, &fewer, NULL), ==, inside ? RES_BAD : RES_OK);
    }
  }
}

static void
test_full(void)
{
  int64_t ids[ROSTER_CHUNK_MAX];
  for (size_t i = 0; i < ROSTER_CHUNK_MAX; i++)
    ids[i] = 1000000 + (int64_t)i * 3;
  g_autoptr(GByteArray) octets = roster_chunk_encode(ids, ROSTER_CHUNK_MAX);
  g_autoptr(GArray) again = NULL;
  g_assert_cmpuint(octets->len, ==, ROSTER_CHUNK_MAX + 2);
  g_assert_cmpint(roster_chunk_decode((struct slice){ (const char *)octets->data, octets->len }, &again, NULL), ==, RES_OK);
  assert_ids(again, ids, ROSTER_CHUNK_MAX);
  g_byte_array_append(octets, (const guint8 *)"\2", 1);
  g_assert_cmpint(roster_chunk_decode((struct slice){ (const char *)octets->data, octets->len }, &again, NULL), ==, RES_BAD);
}

static void
test_damaged(void)
{
  static const struct {
    const char *name;
    struct slice octets;
  } rows[] = {
    { "id 0", SLICE("\0") },
    { "below 0", SLICE("\1") },
    { "back to 0", SLICE("\2\1") },
    { "eleven octets", SLICE("\200\200\200\200\200\200\200\200\200\200\1") },
    { "65 bits", SLICE("\200\200\200\200\200\200\200\200\200\2") },
    { "sum above 63 bits", SLICE("\376\377\377\377\377\377\377\377\377\1\2") },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GArray) ids = NULL;
    g_autoptr(GError) error = NULL;
    if (roster_chunk_decode(rows[i].octets, &ids, &error) != RES_BAD || error == NULL)
      g_error("%s: was read", rows[i].name);
  }
}

/* --- schedule --- */

static void
test_retry(void)
{
  static const struct retry_schedule schedule = { .first = 5, .max = 60, .lifetime = 1000 };
  static const struct {
    const char *name;
    int attempts;
    int64_t now, wanted;
  } rows[] = {
    { "first", 1, 100, 105 },
    { "second", 2, 105, 115 },
    { "fourth", 4, 200, 240 },
    { "at most", 5, 200, 260 },
    { "after ages", 2000000000, 200, 260 },
    { "the last", 9, 1090, 1100 },
    { "just before the end", 9, 1099, 1100 },
    { "the end", 9, 1100, -1 },
    { "long after", 9, 5000, -1 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    if (retry_next(&schedule, 100, rows[i].attempts, rows[i].now) != rows[i].wanted)
      g_error("%s", rows[i].name);
  g_assert_cmpint(retry_pause(1, 1, 5), ==, 1);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/roster_chunk/round trip", test_round_trip);
  g_test_add_func("/roster_chunk/full", test_full);
  g_test_add_func("/roster_chunk/damaged", test_damaged);
  g_test_add_func("/retry/schedule", test_retry);
  return g_test_run();
}
