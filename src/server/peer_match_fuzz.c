/* Lists of peers and the endpoints' texts: what the check takes can be matched, and an endpoint's text reads back as the same. */
#include "net/endpoint.h"
#include "server/peer_match.h"
#include <glib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_endpoint(const char *text)
{
  g_autoptr(GError) error = NULL;
  OWN(endpoint) endpoint = NULL;
  if (endpoint_parse(text, &endpoint, &error) != RES_OK) {
    g_assert(error && *error->message);
    return;
  }
  g_autofree char *written = endpoint_text(endpoint);
  OWN(endpoint) again = NULL;
  g_assert(endpoint_parse(written, &again, &error) == RES_OK);
  g_assert(again->port == endpoint->port && g_strcmp0(again->host, endpoint->host) == 0 && g_strcmp0(again->path, endpoint->path) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup((const char *)data, size);
  g_auto(GStrv) list = g_strsplit(text, "\n", -1);
  g_autoptr(GError) error = NULL;
  enum res res = peer_match_check((const char *const *)list, &error);
  g_assert((res == RES_OK) == (error == NULL));
  for (char **entry = list; *entry; entry++) {
    peer_match((const char *const *)list, *entry);
    check_endpoint(*entry);
  }
  peer_match((const char *const *)list, NULL);
  return 0;
}
