#pragma once
/* What set-ups, map files and the doctor need to know of this installation: from the configuration and the database. */
#include "base/config.h"
#include "base/own.h"
#include "store/store.h"
#include <glib.h>
#include <stdbool.h>

/* How the MTA reaches one of our services. */
struct service_address {
  char *path; /* of a unix socket, absolute; NULL: TCP */
  char *host; /* numeric, without brackets; a wildcard address is given as loopback of its kind */
  int port;
};

struct installation {
  const struct config *config;
  char *hostname; /* of this machine, or [server] hostname */
  /* By enum config_service; `listens` false: the service has no listener, and a set-up that needs it prints the line for listward.conf, with these
   * addresses, which then are the defaults. The unix socket is preferred in `local`, a TCP address in `tcp`. */
  struct {
    bool listens;
    struct service_address local, tcp;
  } services[CONFIG_SERVICES];
  GPtrArray *domains; /* char *: mail hosts, aliases included, sorted */
};

/* `store` may be NULL: no domains. `config` is borrowed. RES_BAD: [mta] lmtp is not understood. RES_TEMP: the database. */
enum res installation_read(const struct config *config, struct store *store, struct installation **installation, GError **error) MUST_CHECK;
void installation_free(struct installation *installation);
OWN_DEFINE(installation, installation_free)
/* "inet:127.0.0.1:8024", "inet:[::1]:8024", "unix:/run/…": as Postfix writes it. Owned by the caller. */
char *service_address_postfix(const struct service_address *address);
