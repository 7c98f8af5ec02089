#include "server/config_check.h"
#include "base/log.h"
#include "envelope/address.h"
#include "mta/installation.h"
#include "server/admission.h"
#include "server/configured_commands.h"
#include "server/courier_host.h"
#include "server/door_tls.h"
#include "server/peer_match.h"
#include "server/relay_door.h"

static enum res
bad_value(const struct config *config, const char *key, const char *why, GError **error)
{
  return refuse(error, REPLY_SYNTAX, "%s: %s: %s", config->file ? config->file : "default", key, why);
}

/* Where the MTA is told to deliver. */
static enum res
check_mta(const struct config *config, GError **error)
{
  OWN(installation) installation = NULL;
  return installation_read(config, NULL, &installation, error);
}

static enum res
check_local_domains(const struct config *config, GError **error)
{
  for (char **domain = config->auth_local_domains; *domain; domain++) {
    g_autofree char *key = address_domain_key(slice_of(*domain)), *why = key ? NULL : g_strdup_printf("\"%s\" is no domain", *domain);
    if (why)
      return bad_value(config, "[auth] local_domains", why, error);
  }
  return RES_OK;
}

enum res
config_check(const struct config *config, GError **error)
{
  g_autoptr(GError) problem = NULL;
  if (peer_match_check((const char *const *)config->lmtp_trusted_peers, &problem) != RES_OK)
    return bad_value(config, "[lmtp] trusted_peers", problem->message, error);
  g_autofree char *owner = address_key_of(slice_of(config->site_owner)), *why = g_strdup_printf("\"%s\" is no address", config->site_owner);
  if (config->site_owner[0] && owner == NULL)
    return bad_value(config, "[server] site_owner", why, error);
  if (admission_check(config, error) != RES_OK || door_tls_check(config, error) != RES_OK)
    return RES_BAD;
  if (config->max_memory < config->max_message_size)
    log_warn("[limits] max_memory is less than max_message_size: the largest messages can never be taken");
  if (courier_host_check(config, &problem) != RES_OK || relay_door_check(config, &problem) != RES_OK)
    return refuse(error, REPLY_SYNTAX, "%s: %s", config->file ? config->file : "default", problem->message);
  enum res res = configured_commands_check(config, error);
  if (res == RES_OK)
    res = check_mta(config, error);
  return res == RES_OK ? check_local_domains(config, error) : res;
}
