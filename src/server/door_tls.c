#include "server/door_tls.h"

/* An empty path stays empty. Owned by the caller. */
static char *
path_of(const struct config *config, const char *path)
{
  return *path ? config_path(config, path) : g_strdup("");
}

static enum res
load(const struct config *config, struct tls_context **context, GError **error)
{
  *context = NULL;
  bool wanted = *config->lmtp_tls_key || *config->lmtp_tls_client_ca;
  if (*config->lmtp_tls_certificate == '\0')
    return wanted ? refuse(error, REPLY_SYNTAX, "tls_key and tls_client_ca need a tls_certificate") : RES_OK;
  g_autofree char *certificate = path_of(config, config->lmtp_tls_certificate), *key = path_of(config, config->lmtp_tls_key),
                  *client_ca = path_of(config, config->lmtp_tls_client_ca);
  return tls_context_new_server(&(struct tls_server_options){ .certificate = certificate, .key = key, .client_ca = client_ca }, context, error);
}

enum res
door_tls_load(const struct config *config, struct tls_context **context, GError **error)
{
  g_autoptr(GError) problem = NULL;
  if (load(config, context, &problem) == RES_OK)
    return RES_OK;
  return refuse(error, REPLY_SYNTAX, "%s: [lmtp] %s", config->file ? config->file : "default", problem->message);
}

enum res
door_tls_check(const struct config *config, GError **error)
{
  OWN(tls_context) context = NULL;
  return door_tls_load(config, &context, error);
}

enum res
door_tls_apply(const struct config *config, struct tls_holder *holder, GError **error)
{
  struct tls_context *context;
  enum res res = door_tls_load(config, &context, error);
  if (res == RES_OK)
    tls_holder_set(holder, context);
  return res;
}
