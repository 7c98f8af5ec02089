#include "envelope/address.h"
#include "envelope/role.h"
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is written out reads back as the same address, and a key is its own key. */
static void
check_round_trip(const struct address *address)
{
  g_autofree char *key = address_key(address);
  g_autofree char *key_again = address_key_of(slice_of(key));
  g_assert_cmpstr(key_again, ==, key);

  g_autofree char *text = address_text(address);
  OWN(address) again = NULL;
  g_assert_cmpint(address_parse(slice_of(text), address->utf8, &again, NULL), ==, RES_OK);
  g_assert_cmpstr(again->local, ==, address->local);
  g_assert_cmpstr(again->domain, ==, address->domain);
}

static void
check_readings(struct slice local)
{
  struct role_reading readings[ROLE_READINGS_MAX];
  size_t n = role_read(local, readings);
  g_assert_cmpuint(n, <=, ROLE_READINGS_MAX);
  for (size_t i = 0; i < n; i++) {
    g_assert_cmpuint(readings[i].list.n + readings[i].suffix.n + readings[i].argument.n, <=, local.n);
    g_assert_true(readings[i].list.n || readings[i].role == ROLE_POSTMASTER || readings[i].role == ROLE_NOREPLY);
  }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct slice input = { (const char *)data, size };
  struct slice path, parameters;
  if (path_split(input, &path, &parameters, NULL) == RES_OK)
    input = path;

  OWN(address) address = NULL;
  OWN(address) plain = NULL;
  if (address_parse(input, true, &address, NULL) == RES_OK) {
    check_round_trip(address);
    check_readings(slice_of(address->local));
  }
  if (address_parse(input, false, &plain, NULL) == RES_OK)
    g_assert_false(plain->utf8);
  g_autofree char *domain = address_domain_key(input);
  g_autofree char *domain_again = domain ? address_domain_key(slice_of(domain)) : NULL;
  g_assert_cmpstr(domain, ==, domain_again);
  check_readings(input);
  return 0;
}
