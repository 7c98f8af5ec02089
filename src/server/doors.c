#include "server/doors.h"
#include "mta/installation.h"
#include <string.h>

/* What listens: a row for each service. */
static void
set_services(struct doors *doors)
{
  struct door_options *options = &doors->options;
  const struct service services[CONFIG_SERVICES] = {
    [CONFIG_LMTP] = { &lmtp_service, &doors->delivery, options },
    [CONFIG_CALLOUT] = { &lmtp_service, &doors->delivery, options },
    [CONFIG_SMTP] = { &smtp_service, &doors->smtp, options },
    [CONFIG_MILTER] = { &milter_service, &doors->judge, options },
    [CONFIG_POLICY] = { &policy_service, &doors->judge, options },
    [CONFIG_SOCKETMAP] = { &socketmap_service, &doors->judge, options },
    [CONFIG_READSOCKET] = { &readsocket_service, &doors->judge, options },
  };
  memcpy(doors->services, services, sizeof services);
}

void
doors_init(struct doors *doors, const char *hostname)
{
  *doors = (struct doors){ .options.hostname = hostname, .options.tls = tls_holder_new() };
  set_services(doors);
}

void
doors_connect(struct doors *doors, const struct posting_door *needs)
{
  doors->posting = *needs;
  doors->delivery = posting_door_hooks(&doors->posting, POSTING_DOOR_DELIVERY);
  doors->front = posting_door_hooks(&doors->posting, POSTING_DOOR_FRONT);
  doors->judge = posting_door_hooks(&doors->posting, POSTING_DOOR_JUDGE);
  doors->relay = (struct relay_door){ .inner = &doors->front, .octets_of = posting_door_octets, .live = needs->live };
  doors->smtp = relay_door_hooks(&doors->relay);
}

/* Where Postfix finds [lmtp], as its maps have it. Interned: sessions may still be reading what it was before. */
static void
apply_transport(struct doors *doors, const struct config *config)
{
  OWN(installation) installation = NULL;
  g_autoptr(GError) error = NULL;
  if (installation_read(config, NULL, &installation, &error) != RES_OK)
    return; /* config_check() has said why */
  g_autofree char *nexthop = service_address_postfix(installation->services[CONFIG_LMTP].preferred);
  g_autofree char *transport = g_strconcat(config->mta_postfix_service, ":", nexthop, NULL);
  atomic_store(&doors->options.transport, g_intern_string(transport));
}

void
doors_apply(struct doors *doors, const struct config *config)
{
  atomic_store(&doors->options.size_max, config->max_message_size);
  atomic_store(&doors->options.command_timeout, config->command_timeout);
  atomic_store(&doors->options.data_timeout, config->data_timeout);
  atomic_store(&doors->options.message_timeout, config->message_timeout);
  atomic_store(&doors->options.minimum_rate, config->minimum_rate);
  apply_transport(doors, config);
}

void
doors_clear(struct doors *doors)
{
  tls_holder_free(doors->options.tls);
}
