#include "server/peer_match.h"
#include "base/slice.h"
#include <arpa/inet.h>

struct network {
  int family;
  int bits; /* of the prefix */
  unsigned char octets[16];
};

static bool
parse_address(const char *text, int *family, unsigned char octets[16])
{
  *family = strchr(text, ':') ? AF_INET6 : AF_INET;
  return inet_pton(*family, text, octets) == 1;
}

static bool
parse_network(const char *text, struct network *network)
{
  g_auto(GStrv) parts = g_strsplit(text, "/", 2);
  if (parts[0] == NULL || !parse_address(parts[0], &network->family, network->octets))
    return false;
  int all = network->family == AF_INET ? 32 : 128;
  int64_t bits = all;
  if (parts[1] && (!slice_to_uint(slice_of(parts[1]), &bits) || bits > all))
    return false;
  network->bits = (int)bits;
  return true;
}

static bool
in_network(const struct network *network, int family, const unsigned char octets[16])
{
  if (network->family != family)
    return false;
  int whole = network->bits / 8, rest = network->bits % 8;
  if (memcmp(network->octets, octets, (size_t)whole) != 0)
    return false;
  return rest == 0 || ((network->octets[whole] ^ octets[whole]) >> (8 - rest)) == 0;
}

bool
peer_match(const char *const *list, const char *address)
{
  int family = AF_UNSPEC;
  unsigned char octets[16] = { 0 };
  if (address && !parse_address(address, &family, octets))
    return false;
  for (; list && *list; list++) {
    struct network network;
    if (strcmp(*list, "unix") == 0) {
      if (address == NULL)
        return true;
    } else if (address && parse_network(*list, &network) && in_network(&network, family, octets)) {
      return true;
    }
  }
  return false;
}

char *
peer_match_host(const struct door_peer *peer)
{
  if (peer->unix_socket)
    return NULL;
  const char *colon = strrchr(peer->address, ':');
  char *host = g_strndup(peer->address, colon ? (size_t)(colon - peer->address) : strlen(peer->address));
  return g_strstrip(g_strdelimit(host, "[]", ' '));
}

enum res
peer_match_check(const char *const *list, GError **error)
{
  struct network network;
  for (; list && *list; list++)
    if (strcmp(*list, "unix") != 0 && !parse_network(*list, &network))
      return refuse(error, REPLY_SYNTAX, "\"%s\" is neither unix nor an address nor a network such as 10.0.0.0/8", *list);
  return RES_OK;
}
