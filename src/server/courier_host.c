#include "server/courier_host.h"
#include "base/clock.h"
#include "base/log.h"
#include "courier/courier.h"
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

/* Connections, and so threads, of all outlets together. */
#define CONNECTIONS_MAX 64
/* A courier that is replaced on reload gets so long to finish what it has in hand. */
#define HANDOVER_TIME (30 * CLOCK_SECOND)

struct courier_host {
  struct store *store;
  pthread_mutex_t lock; /* over `courier`, which a reload replaces; held for moments only */
  struct courier *courier;
};

/* --- outlets as configured --- */

static int
connections_of(const struct config *config, const struct config_outlet *outlet)
{
  return (int)(outlet->connections ? outlet->connections : config->courier_connections);
}

static int
connections_of_all(const struct config *config)
{
  int sum = 0;
  for (size_t i = 0; i < config->n_outlets; i++)
    sum += connections_of(config, &config->outlets[i]);
  return sum;
}

/* Each connection is a thread: what all outlets would have together above CONNECTIONS_MAX is taken from each in proportion. */
static int
connections_for(const struct config *config, const struct config_outlet *outlet)
{
  int wanted = connections_of(config, outlet), sum = connections_of_all(config);
  return sum <= CONNECTIONS_MAX ? wanted : MAX(wanted * CONNECTIONS_MAX / sum, 1);
}

/* An empty path stays empty. Owned by the caller. */
static char *
path_of(const struct config *config, const char *path)
{
  return *path ? config_path(config, path) : g_strdup("");
}

static enum res
outlet_of(const struct config *config, const struct config_outlet *wanted, struct outlet **outlet, GError **error)
{
  static const enum outlet_tls tls[] = {
    [CONFIG_TLS_NO] = OUTLET_NO_TLS, [CONFIG_TLS_STARTTLS] = OUTLET_STARTTLS, [CONFIG_TLS_IMPLICIT] = OUTLET_IMPLICIT_TLS
  };
  g_autofree char *path = path_of(config, wanted->path), *ca_file = path_of(config, wanted->tls_ca_file), *certificate = path_of(config, wanted->tls_certificate),
                  *key = path_of(config, wanted->tls_key), *password_file = path_of(config, wanted->password_file);
  const struct outlet_options options = {
    .section = wanted->name,
    .type = wanted->type == CONFIG_OUTLET_SMTP ? "smtp" : "maildir",
    .connections = connections_for(config, wanted),
    .hostname = config->hostname,
    .path = path,
    .hosts = (const char *const *)wanted->hosts,
    .port = (int)wanted->port,
    .max_recipients = (int)config->courier_max_recipients,
    .ignore_keywords = (const char *const *)wanted->ignore_keywords,
    .tls = tls[wanted->tls],
    .tls_verify = wanted->tls_verify,
    .tls_name = wanted->tls_name,
    .tls_ca_file = ca_file,
    .tls_certificate = certificate,
    .tls_key = key,
    .user = wanted->user,
    .password_file = password_file,
  };
  return outlet_new(&options, outlet, error);
}

/* All of them, or none. */
static enum res
outlets_of(const struct config *config, struct outlet *outlets[CONFIG_OUTLETS_MAX], GError **error)
{
  enum res res = RES_OK;
  size_t n = 0;
  for (; n < config->n_outlets && res == RES_OK; n++)
    res = outlet_of(config, &config->outlets[n], &outlets[n], error);
  for (n -= res != RES_OK; res != RES_OK && n > 0; n--)
    outlet_free(outlets[n - 1]);
  return res;
}

enum res
courier_host_check(const struct config *config, GError **error)
{
  struct outlet *outlets[CONFIG_OUTLETS_MAX];
  enum res res = outlets_of(config, outlets, error);
  for (size_t i = 0; res == RES_OK && i < config->n_outlets; i++)
    outlet_free(outlets[i]);
  if (res == RES_OK && connections_of_all(config) > CONNECTIONS_MAX)
    log_warn("the outlets have fewer connections than configured", log_int("configured", connections_of_all(config)), log_int("most", CONNECTIONS_MAX));
  return res;
}

/* They are read when they are needed, which may be at night: who starts the server is told now, as the user who will read them. */
static void
warn_of_files(const struct config *config, const struct config_outlet *outlet)
{
  bool tls = outlet->tls != CONFIG_TLS_NO;
  const struct {
    const char *key, *file;
    bool used;
  } files[] = {
    { "tls_ca_file", outlet->tls_ca_file, tls },
    { "tls_certificate", outlet->tls_certificate, tls },
    { "tls_key", outlet->tls_key, tls },
    { "password_file", outlet->password_file, true },
  };
  g_autofree char *section = outlet_section(outlet->name);
  for (size_t i = 0; outlet->type == CONFIG_OUTLET_SMTP && i < G_N_ELEMENTS(files); i++) {
    g_autofree char *path = path_of(config, files[i].file);
    if (!files[i].used || !*path || access(path, R_OK) == 0)
      continue;
    const char *why = g_strerror(errno);
    g_autofree char *key = g_strdup_printf("%s %s", section, files[i].key);
    log_alarm("a file of an outlet cannot be read: its mail will wait", log_str("key", key), log_str("file", path), log_str("error", why));
  }
}

/* --- the courier --- */

static enum res
courier_of(struct store *store, const struct config *config, struct courier **courier, GError **error)
{
  const struct courier_options options = {
    .hostname = config->hostname,
    .personal_domains = config->courier_personal_domains,
    .max_in_flight = config->courier_max_in_flight,
    .retry = { .first = config->courier_retry_first, .max = config->courier_retry_max, .lifetime = config->courier_retry_lifetime },
  };
  struct outlet *outlets[CONFIG_OUTLETS_MAX];
  enum res res = outlets_of(config, outlets, error);
  if (res != RES_OK)
    return res;
  for (size_t i = 0; i < config->n_outlets; i++)
    warn_of_files(config, &config->outlets[i]);
  OWN(courier) made = courier_new(store, &options, outlets, config->n_outlets);
  res = courier_start(made, error);
  if (res == RES_OK)
    *courier = OWN_GIVE(made);
  return res;
}

enum res
courier_host_start(struct store *store, const struct config *config, struct courier_host **host, GError **error)
{
  struct courier *courier = NULL;
  enum res res = courier_of(store, config, &courier, error);
  if (res != RES_OK)
    return res;
  *host = g_new0(struct courier_host, 1);
  **host = (struct courier_host){ .store = store, .courier = courier };
  pthread_mutex_init(&(*host)->lock, NULL);
  return RES_OK;
}

void
courier_host_wake(struct courier_host *host)
{
  pthread_mutex_lock(&host->lock);
  courier_wake(host->courier);
  pthread_mutex_unlock(&host->lock);
}

void
courier_host_retry(struct courier_host *host)
{
  pthread_mutex_lock(&host->lock);
  courier_retry(host->courier);
  pthread_mutex_unlock(&host->lock);
}

void
courier_host_state(struct courier_host *host, struct courier_state *state)
{
  pthread_mutex_lock(&host->lock);
  courier_state(host->courier, state);
  pthread_mutex_unlock(&host->lock);
}

static bool
same_value(char *old, char *new)
{
  bool same = strcmp(old, new) == 0;
  g_free(old);
  g_free(new);
  return same;
}

static bool
same_outlet(const struct config_outlet *before, const struct config_outlet *after)
{
  bool same = strcmp(before->name, after->name) == 0;
  for (const struct config_key *key = config_table; key->section && same; key++)
    same = !key->outlet || same_value(config_outlet_value(before, key), config_outlet_value(after, key));
  return same;
}

static bool
same_courier(const struct config *before, const struct config *after)
{
  bool same = before->n_outlets == after->n_outlets;
  for (const struct config_key *key = config_table; key->section && same; key++)
    same = strcmp(key->section, "courier") != 0 || same_value(config_value(before, key), config_value(after, key));
  for (size_t i = 0; i < before->n_outlets && same; i++)
    same = same_outlet(&before->outlets[i], &after->outlets[i]);
  return same;
}

void
courier_host_reload(struct courier_host *host, const struct config *before, const struct config *after)
{
  if (same_courier(before, after)) {
    courier_refresh(host->courier);
    courier_host_retry(host);
    return;
  }
  /* Postings that are accepted meanwhile wake the one that stops: they must not wait for it. */
  struct courier *old = host->courier, *next = NULL;
  courier_stop(old, clock_monotonic() + HANDOVER_TIME);
  g_autoptr(GError) error = NULL;
  if (courier_of(host->store, after, &next, &error) != RES_OK) {
    log_alarm("the new [outlet] or [courier] cannot be used; going on with the old one", log_err(error));
    g_autoptr(GError) problem = NULL;
    if (courier_start(old, &problem) != RES_OK)
      log_alarm("the courier does not run", log_err(problem));
    return;
  }
  pthread_mutex_lock(&host->lock);
  host->courier = next;
  courier_wake(next); /* for those that woke the old one when this one had looked already */
  pthread_mutex_unlock(&host->lock);
  courier_free(old);
  log_note("courier begins anew with the new options");
}

void
courier_host_quiesce(struct courier_host *host)
{
  if (host)
    courier_quiesce(host->courier);
}

void
courier_host_free(struct courier_host *host, int64_t deadline)
{
  if (host == NULL)
    return;
  courier_stop(host->courier, deadline);
  courier_free(host->courier);
  pthread_mutex_destroy(&host->lock);
  g_free(host);
}
