/* The SMTP outlet: a small pool of connections to one server. The one used last is used first, so that few stay open; what was idle for a
 * few seconds is closed. */
#include "base/clock.h"
#include "base/log.h"
#include "courier/outlet.h"
#include "courier/smtp_client.h"
#include "net/endpoint.h"
#include <pthread.h>

#define CONNECT_WAIT (30 * CLOCK_SECOND)
#define IDLE_MAX (5 * CLOCK_SECOND)
/* Transmissions over one connection: an MTA's limits per connection shall not surprise us. */
#define USES_MAX 100

struct link {
  struct smtp_client *client;
  int uses;
  int64_t idle_since;
};

struct outlet_smtp {
  struct outlet outlet;
  struct endpoint *endpoint;
  char *hostname;
  size_t max_recipients;
  pthread_mutex_t lock; /* for what follows */
  GPtrArray *idle;      /* struct link *, the longest idle first */
  GPtrArray *busy;      /* struct link * */
  bool cut;
};

static void
link_free(struct link *link)
{
  if (link == NULL)
    return;
  smtp_client_free(link->client);
  g_free(link);
}
OWN_DEFINE(link, link_free)

static void
link_quit(struct link *link)
{
  smtp_client_quit(g_steal_pointer(&link->client));
  link_free(link);
}

/* --- the pool --- */

/* An idle connection, or NULL. False: no connection is wanted any more. */
static bool
pool_take(struct outlet_smtp *smtp, struct link **link)
{
  *link = NULL;
  pthread_mutex_lock(&smtp->lock);
  bool cut = smtp->cut;
  if (!cut && smtp->idle->len > 0) {
    *link = g_ptr_array_steal_index(smtp->idle, smtp->idle->len - 1);
    g_ptr_array_add(smtp->busy, *link);
  }
  pthread_mutex_unlock(&smtp->lock);
  return !cut;
}

/* False: no connection is wanted any more. */
static bool
pool_add_busy(struct outlet_smtp *smtp, struct link *link)
{
  pthread_mutex_lock(&smtp->lock);
  bool cut = smtp->cut;
  if (!cut)
    g_ptr_array_add(smtp->busy, link);
  pthread_mutex_unlock(&smtp->lock);
  return !cut;
}

static void
pool_forget(struct outlet_smtp *smtp, struct link *link)
{
  pthread_mutex_lock(&smtp->lock);
  g_ptr_array_remove_fast(smtp->busy, link);
  pthread_mutex_unlock(&smtp->lock);
}

static void
pool_give(struct outlet_smtp *smtp, struct link *link)
{
  link->uses++;
  link->idle_since = clock_monotonic();
  pthread_mutex_lock(&smtp->lock);
  bool keep = link->uses < USES_MAX && !smtp->cut;
  g_ptr_array_remove_fast(smtp->busy, link);
  if (keep)
    g_ptr_array_add(smtp->idle, link);
  pthread_mutex_unlock(&smtp->lock);
  if (!keep)
    link_quit(link);
}

/* --- connections --- */

static enum res
stopping(GError **error)
{
  return trouble(error, REPLY_STOPPING, "stopping");
}

static void
link_drop(struct outlet_smtp *smtp, struct link *link)
{
  pool_forget(smtp, link);
  link_free(link);
}

/* It is in the pool before the server has said anything, so that a server that never does can be cut off. */
static enum res
link_open(struct outlet_smtp *smtp, struct link **link, GError **error)
{
  int fd;
  enum res res = endpoint_connect(smtp->endpoint, clock_monotonic() + CONNECT_WAIT, &fd, error);
  if (res != RES_OK)
    return RES_TEMP;
  OWN(link) opened = g_new0(struct link, 1);
  opened->client = smtp_client_new(stream_new(fd), &(struct smtp_client_options){ .hostname = smtp->hostname, .name = smtp->outlet.name, .max_recipients = smtp->max_recipients });
  if (!pool_add_busy(smtp, opened))
    return stopping(error);

  g_autoptr(GError) cause = NULL;
  res = smtp_client_hello(opened->client, &cause);
  if (res == RES_OK) {
    *link = OWN_GIVE(opened);
    return RES_OK;
  }
  if (res == RES_BAD)
    log_alarm("the outlet refuses us", log_str("outlet", smtp->outlet.name), log_err(cause));
  g_propagate_error(error, g_steal_pointer(&cause));
  link_drop(smtp, OWN_GIVE(opened));
  return RES_TEMP;
}

/* A connection that was idle may have been closed by the server meanwhile: one that breaks before it answered anything says nothing about
 * the server, and a fresh one is tried. So is one after a connection that settled some recipients before it broke: servers hang up after so
 * many refusals. */
static enum outlet_result
smtp_send(struct outlet *outlet, struct transmission *transmission, GError **error)
{
  struct outlet_smtp *smtp = (struct outlet_smtp *)outlet;
  for (;;) {
    g_autoptr(GError) cause = NULL;
    size_t before = transmission_pending(transmission);
    struct link *link;
    enum res res = pool_take(smtp, &link) ? RES_OK : stopping(error);
    bool reused = link != NULL;
    if (res == RES_OK && !reused)
      res = link_open(smtp, &link, error);
    if (res != RES_OK)
      return OUTLET_DOWN;
    if (smtp_client_send(link->client, transmission, &cause) == RES_OK) {
      pool_give(smtp, link);
      return OUTLET_DONE;
    }
    bool stale = reused && !smtp_client_answered(link->client);
    link_drop(smtp, link);
    size_t pending = transmission_pending(transmission);
    if (pending == 0)
      return OUTLET_DONE;
    if (!stale && pending == before) {
      g_propagate_error(error, g_steal_pointer(&cause));
      return OUTLET_BROKEN;
    }
  }
}

static int64_t
smtp_expire(struct outlet *outlet, int64_t now)
{
  struct outlet_smtp *smtp = (struct outlet_smtp *)outlet;
  for (;;) {
    struct link *old = NULL;
    int64_t next = INT64_MAX;
    pthread_mutex_lock(&smtp->lock);
    if (smtp->idle->len > 0) {
      struct link *first = g_ptr_array_index(smtp->idle, 0);
      next = first->idle_since + IDLE_MAX;
      if (next <= now)
        old = g_ptr_array_steal_index(smtp->idle, 0);
    }
    pthread_mutex_unlock(&smtp->lock);
    if (old == NULL)
      return next;
    link_quit(old);
  }
}

static void
smtp_cut(struct outlet *outlet, bool cut)
{
  struct outlet_smtp *smtp = (struct outlet_smtp *)outlet;
  pthread_mutex_lock(&smtp->lock);
  smtp->cut = cut;
  for (guint i = 0; cut && i < smtp->busy->len; i++)
    smtp_client_cut(((struct link *)g_ptr_array_index(smtp->busy, i))->client);
  pthread_mutex_unlock(&smtp->lock);
}

static void
smtp_free(struct outlet *outlet)
{
  struct outlet_smtp *smtp = (struct outlet_smtp *)outlet;
  (void)smtp_expire(outlet, INT64_MAX);
  g_ptr_array_unref(smtp->idle);
  g_ptr_array_unref(smtp->busy);
  endpoint_free(smtp->endpoint);
  pthread_mutex_destroy(&smtp->lock);
  g_free(smtp->hostname);
  g_free(smtp);
}

static const struct outlet_ops smtp_ops = { .send = smtp_send, .expire = smtp_expire, .cut = smtp_cut, .free = smtp_free };

/* "host" and port as one endpoint; an IPv6 address may come without brackets. */
static char *
endpoint_name(const struct outlet_options *options)
{
  bool bare_ipv6 = strchr(options->host, ':') != NULL && options->host[0] != '[';
  return g_strdup_printf(bare_ipv6 ? "[%s]:%d" : "%s:%d", options->host, options->port);
}

struct outlet *
outlet_smtp_new(const struct outlet_options *options, GError **error)
{
  struct endpoint *endpoint;
  g_autofree char *text = endpoint_name(options);
  if (endpoint_parse(text, &endpoint, error) != RES_OK)
    return NULL;
  struct outlet_smtp *smtp = g_new0(struct outlet_smtp, 1);
  smtp->outlet = (struct outlet){ .ops = &smtp_ops, .name = g_strdup_printf("smtp %s", text) };
  smtp->endpoint = endpoint;
  smtp->hostname = g_strdup(options->hostname && *options->hostname ? options->hostname : "localhost");
  smtp->max_recipients = (size_t)MAX(options->max_recipients, 1);
  smtp->idle = g_ptr_array_new();
  smtp->busy = g_ptr_array_new();
  pthread_mutex_init(&smtp->lock, NULL);
  return &smtp->outlet;
}
