/* The first line is a pattern, the second what it is held against, or searched for in. */
#include "list/pattern.h"
#include "envelope/address.h"
#include "base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
search(const char *pattern, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  if (pattern_search_check(pattern, NULL) == RES_OK)
    g_assert(pattern_search(pattern, valid) == pattern_search(pattern, valid));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  g_autofree char *pattern = g_strndup((const char *)data, size);
  char *address = strchr(pattern, '\n');
  if (!address)
    return 0;
  *address++ = '\0';
  search(pattern, address);
  g_autofree char *stored = NULL;
  g_autofree char *key = address_key_of(slice_of(address));
  if (pattern_parse(pattern, &stored, NULL) != RES_OK || !key)
    return 0;
  bool hit = pattern_hits(stored, key);
  if (stored[0] != '^')
    g_assert_cmpint(hit, ==, g_str_equal(stored, key));
  return 0;
}
