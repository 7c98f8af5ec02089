#include "net/tls_context.h"
#include <openssl/err.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Without an exit handler: threads may still be in OpenSSL when the process ends. */
static void
start_openssl(void)
{
  (void)OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL);
}

const char *
tls_reason(void)
{
  unsigned long first = ERR_peek_error();
  const char *reason = ERR_SYSTEM_ERROR(first) ? g_strerror(ERR_GET_REASON(first)) : ERR_reason_error_string(first);
  ERR_clear_error();
  return reason ? reason : "unknown error of OpenSSL";
}

static enum res
unusable(const char *what, const char *file, GError **error)
{
  return refuse(error, REPLY_SYNTAX, "TLS: cannot use the %s %s: %s", what, file, tls_reason());
}

/* Instead of OpenSSL's question on the terminal. `asked`: a bool. */
static int
no_passphrase(char *into, int size, int writing, void *asked)
{
  (void)into, (void)size, (void)writing;
  *(bool *)asked = true;
  return -1;
}

/* Who names a peer's own certificate there trusts it, whoever issued it. `what`: the key of the configuration. */
static enum res
load_trusted(SSL_CTX *ctx, const char *what, const char *file, GError **error)
{
  if (SSL_CTX_load_verify_file(ctx, file) != 1)
    return unusable(what, file, error);
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
  return RES_OK;
}

static enum res
load_trust(SSL_CTX *ctx, const char *ca_file, GError **error)
{
  if (ca_file[0] != '\0')
    return load_trusted(ctx, "tls_ca_file", ca_file, error);
  if (SSL_CTX_set_default_verify_paths(ctx) != 1)
    return refuse(error, REPLY_SYNTAX, "TLS: cannot find whom the system trusts (%s); set tls_ca_file", tls_reason());
  return RES_OK;
}

/* The certificate with its chain, then the key. False: `*what` and `*file` could not be used. */
static bool
load_pair(SSL_CTX *ctx, const char *certificate, const char *key, const char **what, const char **file)
{
  *what = "tls_certificate";
  *file = certificate;
  if (SSL_CTX_use_certificate_chain_file(ctx, *file) != 1)
    return false;
  if (key[0] != '\0') {
    *what = "tls_key";
    *file = key;
  }
  return SSL_CTX_use_PrivateKey_file(ctx, *file, SSL_FILETYPE_PEM) == 1;
}

static enum res
load_own(SSL_CTX *ctx, const char *certificate, const char *key, GError **error)
{
  bool asked = false;
  const char *what, *file;
  SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
  SSL_CTX_set_default_passwd_cb_userdata(ctx, &asked);
  bool ok = load_pair(ctx, certificate, key, &what, &file);
  SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
  if (ok)
    return RES_OK;
  bool no_key = SSL_CTX_get0_certificate(ctx) != NULL && ERR_GET_REASON(ERR_peek_error()) == ERR_R_UNSUPPORTED;
  if (!asked && !no_key)
    return unusable(what, file, error);
  ERR_clear_error();
  const char *reason = asked ? "it needs a passphrase, which nobody is there to give" : "there is no private key in it";
  return refuse(error, REPLY_SYNTAX, "TLS: cannot use the %s %s: %s", what, file, reason);
}

/* Neither renegotiation nor sessions: a connection shakes hands once. Without AUTO_RETRY SSL_read comes back after every record, so that
 * no peer can outrun the deadline with records that hold nothing. */
static void
set_manners(SSL_CTX *ctx)
{
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
}

static enum res
new_context(const SSL_METHOD *method, struct tls_context **context, GError **error)
{
  pthread_once(&once, start_openssl);
  ERR_clear_error();
  *context = g_new0(struct tls_context, 1);
  (*context)->ctx = SSL_CTX_new(method);
  if ((*context)->ctx == NULL)
    return refuse(error, REPLY_TROUBLE, "TLS: OpenSSL does not start: %s", tls_reason());
  set_manners((*context)->ctx);
  return RES_OK;
}

enum res
tls_context_new(const struct tls_options *options, struct tls_context **context, GError **error)
{
  if (options->certificate[0] == '\0' && options->key[0] != '\0')
    return refuse(error, REPLY_SYNTAX, "TLS: there is a tls_key %s but no certificate; set tls_certificate", options->key);
  OWN(tls_context) made = NULL;
  enum res res = new_context(TLS_client_method(), &made, error);
  if (res != RES_OK)
    return res;
  made->verify = options->verify;
  if (options->verify)
    res = load_trust(made->ctx, options->ca_file, error);
  if (res == RES_OK && options->certificate[0] != '\0')
    res = load_own(made->ctx, options->certificate, options->key, error);
  if (res == RES_OK)
    *context = OWN_GIVE(made);
  return res;
}

enum res
tls_context_new_server(const struct tls_server_options *options, struct tls_context **context, GError **error)
{
  OWN(tls_context) made = NULL;
  enum res res = new_context(TLS_server_method(), &made, error);
  if (res != RES_OK)
    return res;
  SSL_CTX_set_num_tickets(made->ctx, 0);
  SSL_CTX_set_dh_auto(made->ctx, 1);
  made->verify = options->client_ca[0] != '\0';
  res = load_own(made->ctx, options->certificate, options->key, error);
  if (res == RES_OK && made->verify)
    res = load_trusted(made->ctx, "tls_client_ca", options->client_ca, error);
  if (res == RES_OK)
    *context = OWN_GIVE(made);
  return res;
}

struct tls_context *
tls_context_share(const struct tls_context *context)
{
  struct tls_context *shared = g_new0(struct tls_context, 1);
  *shared = *context;
  SSL_CTX_up_ref(shared->ctx);
  return shared;
}

bool
tls_context_asks(const struct tls_context *context)
{
  return context->verify;
}

void
tls_context_free(struct tls_context *context)
{
  if (context == NULL)
    return;
  SSL_CTX_free(context->ctx);
  g_free(context);
}
