#include "envelope/address.h"
#include "envelope/tag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reading something back that was made for other ids would be a tag that somebody made up. */
static void
check_made(const struct tag_key *key, const uint8_t *data, size_t size)
{
  struct tag tag = { 0 }, again;
  memcpy(&tag, data, MIN(size, sizeof tag));
  tag.posting_id = MAX(tag.posting_id & INT64_MAX, 1);
  tag.member_id &= INT64_MAX;
  char made[TAG_MAX + 1];
  tag_make(key, 7, &tag, made);
  g_assert_cmpint(tag_read(key, 1, 7, slice_of(made), &again, NULL), ==, RES_OK);
  g_assert_true(again.posting_id == tag.posting_id && again.member_id == tag.member_id);
  g_autofree char *path = tag_reverse_path("ant-bounces@example.com", made);
  g_assert_cmpuint(slice_find(slice_of(path), '@'), <=, ADDRESS_LOCAL_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct tag_key key = { .secret = { 1, 2, 3 } };
  struct slice input = { (const char *)data, size }, text;
  g_autofree char *address = NULL;
  struct tag tag;
  tag_argument(input, &text, &address);
  g_assert_cmpuint(text.n, <=, input.n);
  if (address) {
    g_autofree char *folded = address_key_of(slice_of(address));
    g_assert_nonnull(folded);
  }
  if (tag_read(&key, 1, 7, text, &tag, NULL) == RES_OK) {
    char made[TAG_MAX + 1];
    tag_make(&key, 7, &tag, made);
    g_assert_true(slice_equal_nocase(slice_of(made), text));
  }
  check_made(&key, data, size);
  return 0;
}
