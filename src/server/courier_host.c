#include "server/courier_host.h"
#include "base/clock.h"
#include "base/log.h"
#include "courier/courier.h"
#include <pthread.h>

/* A courier that is replaced on reload gets so long to finish what it has in hand. */
#define HANDOVER_TIME (30 * CLOCK_SECOND)

struct courier_host {
  struct store *store;
  pthread_mutex_t lock; /* over `courier`, which a reload replaces; held for moments only */
  struct courier *courier;
};

static enum res
outlet_of(const struct config *config, struct outlet **outlet, GError **error)
{
  const struct config_outlet *wanted = &config->outlets[0];
  g_autofree char *path = config_path(config, wanted->path);
  const struct outlet_options options = {
    .type = wanted->type == CONFIG_OUTLET_SMTP ? "smtp" : "maildir",
    .host = wanted->hosts[0],
    .port = (int)wanted->port,
    .path = path,
    .hostname = config->hostname,
    .max_recipients = (int)config->courier_max_recipients,
  };
  return outlet_new(&options, outlet, error);
}

enum res
courier_host_check(const struct config *config, GError **error)
{
  OWN(outlet) outlet = NULL;
  return outlet_of(config, &outlet, error);
}

static enum res
courier_of(struct store *store, const struct config *config, struct courier **courier, GError **error)
{
  const struct courier_options options = {
    .connections = (int)config->courier_connections,
    .hostname = config->hostname,
    .personal_domains = config->courier_personal_domains,
    .retry = { .first = config->courier_retry_first, .max = config->courier_retry_max, .lifetime = config->courier_retry_lifetime },
  };
  struct outlet *outlet = NULL;
  enum res res = outlet_of(config, &outlet, error);
  if (res != RES_OK)
    return res;
  OWN(courier) made = courier_new(store, &options, outlet);
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
concerns_courier(const struct config_key *key)
{
  return strcmp(key->section, "outlet") == 0 || strcmp(key->section, "courier") == 0;
}

static bool
differ(const struct config *before, const struct config *after)
{
  for (const struct config_key *key = config_table; key->section; key++) {
    if (!concerns_courier(key))
      continue;
    g_autofree char *old = config_value(before, key), *new = config_value(after, key);
    if (strcmp(old, new) != 0)
      return true;
  }
  return false;
}

void
courier_host_reload(struct courier_host *host, const struct config *before, const struct config *after)
{
  if (!differ(before, after)) {
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
