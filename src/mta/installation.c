#include "mta/installation.h"
#include "list/domain.h"
#include "net/endpoint.h"
#include <arpa/inet.h>
#include <string.h>

/* Where a service listens if nobody has said it: as in the table of configuration keys, and for those that are off there. */
static const struct {
  int port;
  const char *path;
} defaults[CONFIG_SERVICES] = {
  [CONFIG_LMTP] = { 8024, "/run/listward/lmtp.sock" },
  [CONFIG_SOCKETMAP] = { 8025, "/run/listward/socketmap.sock" },
  [CONFIG_READSOCKET] = { 8026, "/run/listward/readsocket.sock" },
  [CONFIG_POLICY] = { 8027, "/run/listward/policy.sock" },
  [CONFIG_MILTER] = { 8028, "/run/listward/milter.sock" },
  [CONFIG_SMTP] = { 8029, "/run/listward/smtp.sock" },
  [CONFIG_CALLOUT] = { 8030, "/run/listward/callout.sock" },
};

/* --- addresses --- */

static void
address_clear(struct service_address *address)
{
  g_free(address->path);
  g_free(address->host);
}

static const char *
reachable(const char *host)
{
  if (strcmp(host, "0.0.0.0") == 0)
    return "127.0.0.1";
  return strcmp(host, "::") == 0 ? "::1" : host;
}

static void
address_set(struct service_address *address, const struct endpoint *endpoint)
{
  address_clear(address);
  *address = (struct service_address){
    .path = g_strdup(endpoint->path), .host = endpoint->path ? NULL : g_strdup(reachable(endpoint->host)), .port = endpoint->port,
  };
}

char *
service_address_text(const struct service_address *address)
{
  if (address->path)
    return g_strdup(address->path);
  return g_strdup_printf(strchr(address->host, ':') ? "[%s]:%d" : "%s:%d", address->host, address->port);
}

char *
service_address_postfix(const struct service_address *address)
{
  g_autofree char *text = service_address_text(address);
  return g_strconcat(address->path ? "unix:" : "inet:", text, NULL);
}

bool
service_address_is_remote(const struct service_address *address)
{
  struct in_addr v4;
  struct in6_addr v6;
  if (address->path || strcmp(address->host, "localhost") == 0)
    return false;
  if (inet_pton(AF_INET, address->host, &v4) == 1)
    return ntohl(v4.s_addr) >> 24 != 127;
  return inet_pton(AF_INET6, address->host, &v6) != 1 || !IN6_IS_ADDR_LOOPBACK(&v6);
}

/* --- services --- */

static void
take_listener(struct installation_service *service, const char *text)
{
  OWN(endpoint) endpoint = NULL;
  if (endpoint_parse(text, &endpoint, NULL) != RES_OK)
    return; /* `serve` says so */
  bool *has = endpoint->path ? &service->has_unix : &service->has_tcp;
  if (!*has)
    address_set(endpoint->path ? &service->local : &service->tcp, endpoint);
  *has = true;
}

static void
read_service(const struct config *config, enum config_service number, struct installation_service *service)
{
  service->tcp = (struct service_address){ .host = g_strdup("127.0.0.1"), .port = defaults[number].port };
  service->local = (struct service_address){ .path = g_strdup(defaults[number].path) };
  for (char **text = config->services[number].listen; *text; text++)
    take_listener(service, *text);
  service->listens = service->has_tcp || service->has_unix;
  service->preferred = service->has_unix || !service->has_tcp ? &service->local : &service->tcp;
}

/* [mta] lmtp: the MTA may see another address than the one that is listened on. */
static enum res
read_lmtp_override(const struct config *config, struct installation_service *service, GError **error)
{
  const char *text = config->mta_lmtp, *scheme = "unix:";
  OWN(endpoint) endpoint = NULL;
  if (text[0] == '\0')
    return RES_OK;
  if (g_str_has_prefix(text, scheme) && text[strlen(scheme)] && text[strlen(scheme)] != '/') {
    endpoint = g_new0(struct endpoint, 1);
    endpoint->path = g_strdup(text + strlen(scheme));
  }
  g_autoptr(GError) problem = NULL;
  if (endpoint == NULL && endpoint_parse(text, &endpoint, &problem) != RES_OK)
    return refuse(error, REPLY_SYNTAX, "%s: [mta] lmtp: %s", config->file ? config->file : "default", problem->message);
  struct service_address *address = endpoint->path ? &service->local : &service->tcp;
  address_set(address, endpoint);
  *(endpoint->path ? &service->has_unix : &service->has_tcp) = true;
  service->listens = true;
  service->preferred = address;
  return RES_OK;
}

/* --- domains --- */

static enum res
read_domains(struct tx *tx, void *arg, GError **error)
{
  return domain_list(tx, arg, error);
}

static int
by_name(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum res
take_domains(struct installation *installation, struct store *store, GError **error)
{
  g_autoptr(GPtrArray) domains = NULL;
  enum res res = store_read(store, read_domains, &domains, error);
  if (res != RES_OK)
    return res;
  for (guint i = 0; i < domains->len; i++) {
    const struct domain *domain = g_ptr_array_index(domains, i);
    g_ptr_array_add(installation->domains, g_strdup(domain->name));
    if (*domain->alias)
      g_ptr_array_add(installation->domains, g_strdup(domain->alias));
  }
  g_ptr_array_sort(installation->domains, by_name);
  return RES_OK;
}

enum res
installation_read(const struct config *config, struct store *store, struct installation **installation, GError **error)
{
  OWN(installation) made = g_new0(struct installation, 1);
  made->config = config;
  made->hostname = config->hostname;
  made->maps = *config->mta_maps ? config_path(config, config->mta_maps) : g_strdup(INSTALLATION_MAPS);
  made->domains = g_ptr_array_new_with_free_func(g_free);
  for (enum config_service service = 0; service < CONFIG_SERVICES; service++)
    read_service(config, service, &made->services[service]);
  enum res res = read_lmtp_override(config, &made->services[CONFIG_LMTP], error);
  if (res == RES_OK && store)
    res = take_domains(made, store, error);
  if (res == RES_OK)
    *installation = OWN_GIVE(made);
  return res;
}

void
installation_free(struct installation *installation)
{
  if (installation == NULL)
    return;
  for (size_t i = 0; i < CONFIG_SERVICES; i++) {
    address_clear(&installation->services[i].tcp);
    address_clear(&installation->services[i].local);
  }
  g_ptr_array_unref(installation->domains);
  g_free(installation->maps);
  g_free(installation);
}
