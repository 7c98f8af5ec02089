#pragma once
/* What set-ups, map files and the doctor need to know of this installation: from the configuration and the database. */
#include "base/config.h"
#include "base/own.h"
#include "store/store.h"
#include <glib.h>
#include <stdbool.h>

/* Where map files are recommended to be: readable for the MTA, which the state directory is not. */
#define INSTALLATION_MAPS "/var/lib/listward-maps"

/* How the MTA reaches one of our services. */
struct service_address {
  char *path; /* of a unix socket; NULL: TCP. Absolute, but for [mta] lmtp = unix:RELATIVE, which counts from the MTA's queue directory */
  char *host; /* without brackets; a wildcard address is given as loopback of its kind. Numeric, but for a name in [mta] lmtp */
  int port;
};

struct installation_service {
  bool listens; /* somewhere */
  bool has_tcp, has_unix; /* there is an address of that kind in `listen`; else the one below is the default, which may be added there */
  struct service_address tcp, local; /* TCP; unix socket */
  /* The first unix socket, else the first TCP address; [mta] lmtp where that is set. Borrows from the two above. */
  const struct service_address *preferred;
};

struct installation {
  const struct config *config;
  const char *hostname; /* [server] hostname, or of this machine */
  char *maps; /* folder of the map files: [mta] maps, else INSTALLATION_MAPS; absolute */
  struct installation_service services[CONFIG_SERVICES]; /* by enum config_service */
  GPtrArray *domains; /* char *: mail hosts (A-labels), aliases included, sorted */
};

/* `store` may be NULL: no domains. `config` is borrowed. RES_BAD: [mta] lmtp is not understood. RES_TEMP: the database. */
enum res installation_read(const struct config *config, struct store *store, struct installation **installation, GError **error) MUST_CHECK;
void installation_free(struct installation *installation);
OWN_DEFINE(installation, installation_free)

/* "inet:127.0.0.1:8024", "inet:[::1]:8024", "unix:/run/…": as Postfix writes it. Owned by the caller. */
char *service_address_postfix(const struct service_address *address);
/* "127.0.0.1:8024", "[::1]:8024", "/run/…": as in listward.conf. Owned by the caller. */
char *service_address_text(const struct service_address *address);
/* True if it is TCP and not a loopback address: another host's, as far as the MTA is concerned. */
bool service_address_is_remote(const struct service_address *address);
