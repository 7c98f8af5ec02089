/* The reader is total, and a field without a trusted id proves nothing. */
#include "message/auth_results.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const char *const trusted[] = { "mx.example.net", NULL }, *const nobody[] = { "x y", NULL };
  OWN(header_view) view = NULL;
  if (header_view_new((struct slice){ (const char *)data, size }, &view, NULL) != RES_OK)
    return 0;
  struct auth_proof proof = auth_results_proof(view, "author.example.org", trusted);
  g_assert((!proof.spf && !proof.dkim) || header_first(view, "Authentication-Results"));
  proof = auth_results_proof(view, "author.example.org", nobody);
  g_assert(!proof.spf && !proof.dkim);
  return 0;
}
