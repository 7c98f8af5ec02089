#include "message/digest.h"
#include <glib.h>
#include <string.h>

static void
check(struct slice input, size_t split)
{
  unsigned char got[DIGEST_SIZE], want[DIGEST_SIZE];
  gsize size = sizeof want;
  struct digest digest;
  digest_begin(&digest);
  digest_add(&digest, slice_head(input, split));
  digest_add(&digest, slice_skip(input, split));
  digest_end(&digest, got);
  g_autoptr(GChecksum) other = g_checksum_new(G_CHECKSUM_SHA256);
  g_checksum_update(other, (const guchar *)input.p, (gssize)input.n);
  g_checksum_get_digest(other, want, &size);
  g_assert_cmpint(memcmp(got, want, sizeof got), ==, 0);
}

/* As GLib's, however the octets come. */
static void
test_digest(void)
{
  char octets[200];
  for (size_t i = 0; i < sizeof octets; i++)
    octets[i] = (char)(i * 37);
  for (size_t n = 0; n <= sizeof octets; n++)
    for (size_t split = 0; split <= n; split++)
      check((struct slice){ octets, n }, split);
}

static void
test_text(void)
{
  unsigned char one[DIGEST_SIZE], two[DIGEST_SIZE];
  struct digest digest;
  digest_begin(&digest);
  digest_add_text(&digest, "ab");
  digest_add_text(&digest, "c");
  digest_end(&digest, one);
  digest_begin(&digest);
  digest_add_text(&digest, "a");
  digest_add_text(&digest, "bc");
  digest_end(&digest, two);
  g_assert_cmpint(memcmp(one, two, sizeof one), !=, 0);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/digest/pieces", test_digest);
  g_test_add_func("/digest/text", test_text);
  return g_test_run();
}
