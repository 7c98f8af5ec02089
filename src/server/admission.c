#include "server/admission.h"
#include "base/clock.h"
#include "net/endpoint.h"
#include "server/peer_match.h"
#include <arpa/inet.h>

/* ---- addresses ---- */

static bool
is_loopback4(const void *octets)
{
  return *(const unsigned char *)octets == IN_LOOPBACKNET;
}

/* Also of an IPv4 address that is mapped into IPv6. */
static bool
is_loopback6(const struct in6_addr *address)
{
  return IN6_IS_ADDR_V4MAPPED(address) ? is_loopback4(&address->s6_addr[12]) : IN6_IS_ADDR_LOOPBACK(address);
}

static void
read_ipv4(const void *octets, in_port_t port, struct newcomer *newcomer)
{
  inet_ntop(AF_INET, octets, newcomer->host, sizeof newcomer->host);
  g_snprintf(newcomer->text, sizeof newcomer->text, "%s:%d", newcomer->host, ntohs(port));
  newcomer->local = is_loopback4(octets);
}

static void
read_ipv6(const struct sockaddr_in6 *in6, struct newcomer *newcomer)
{
  if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
    read_ipv4(&in6->sin6_addr.s6_addr[12], in6->sin6_port, newcomer);
    return;
  }
  inet_ntop(AF_INET6, &in6->sin6_addr, newcomer->host, sizeof newcomer->host);
  g_snprintf(newcomer->text, sizeof newcomer->text, "[%s]:%d", newcomer->host, ntohs(in6->sin6_port));
  newcomer->local = is_loopback6(&in6->sin6_addr);
}

void
newcomer_read(const struct sockaddr_storage *address, struct newcomer *newcomer)
{
  *newcomer = (struct newcomer){ .text = "unix", .local = true };
  if (address->ss_family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)address;
    read_ipv4(&in->sin_addr, in->sin_port, newcomer);
  } else if (address->ss_family == AF_INET6)
    read_ipv6((const struct sockaddr_in6 *)address, newcomer);
}

/* ---- who may ---- */

static const char *const *
allowed_by(const struct config *config, enum config_service service)
{
  return (const char *const *)config->services[service == CONFIG_CALLOUT ? CONFIG_LMTP : service].allow;
}

bool
newcomer_is_allowed(const struct newcomer *newcomer, const struct config *config, enum config_service service)
{
  return newcomer->local || peer_match(allowed_by(config, service), newcomer->host);
}

/* Names, and addresses with a scope, are beyond. */
static bool
is_beyond_loopback(const char *listen)
{
  OWN(endpoint) endpoint = NULL;
  struct in_addr in;
  struct in6_addr in6;
  if (endpoint_parse(listen, &endpoint, NULL) != RES_OK || endpoint->path)
    return false; /* what is no address is refused when it is bound */
  if (inet_pton(AF_INET, endpoint->host, &in) == 1)
    return !is_loopback4(&in);
  return inet_pton(AF_INET6, endpoint->host, &in6) != 1 || !is_loopback6(&in6);
}

static enum res
check_service(const struct config *config, enum config_service service, GError **error)
{
  const char *file = config->file ? config->file : "default", *section = config_service_section(service);
  const char *const *allow = allowed_by(config, service);
  g_autoptr(GError) problem = NULL;
  if (peer_match_check(allow, &problem) != RES_OK)
    return refuse(error, REPLY_SYNTAX, "%s: [%s] allow: %s", file, section, problem->message);
  for (char **listen = config->services[service].listen; *listen; listen++)
    if (*allow == NULL && is_beyond_loopback(*listen))
      return refuse(error, REPLY_SYNTAX, "%s: %s = %s: others than this machine reach that address; say in [%s] allow which of them may connect (10.0.0.0/8)", file,
                    config_service_key(service), *listen, section);
  return RES_OK;
}

enum res
admission_check(const struct config *config, GError **error)
{
  enum res res = RES_OK;
  for (enum config_service service = 0; service < CONFIG_SERVICES && res == RES_OK; service++)
    res = check_service(config, service, error);
  return res;
}

int64_t
strangers_note(struct strangers *strangers, int64_t now)
{
  strangers->unlogged++;
  if (strangers->logged && now - strangers->logged < CLOCK_MINUTE)
    return 0;
  int64_t n = strangers->unlogged;
  *strangers = (struct strangers){ .logged = now };
  return n;
}
