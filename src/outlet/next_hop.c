#include "base/clock.h"
#include "base/counter.h"
#include "base/log.h"
#include "outlet/outlet_smtp.h"
#include "smtp/smtp_client.h"

/* For the answer to QUIT. */
#define WAIT_QUIT CLOCK_SECOND
#define CONNECT_WAIT (30 * CLOCK_SECOND)
#define IDLE_MAX (5 * CLOCK_SECOND)
/* Transmissions over one connection: an MTA's limits per connection shall not surprise us. */
#define USES_MAX 100

struct link {
  struct smtp_client *client;
  struct smtp_pass pass;
  char *name;          /* "127.0.0.1:25 4" */
  unsigned generation; /* the outlet's when it was made */
  bool greeted;        /* it counts as open */
  int uses;
  int64_t idle_since;
};

static void
link_free(struct link *link)
{
  if (link == NULL)
    return;
  smtp_client_free(link->client);
  smtp_pass_clear(&link->pass);
  g_free(link->name);
  g_free(link);
}
OWN_DEFINE(link, link_free)

static void
link_quit(struct link *link, int64_t deadline)
{
  smtp_client_quit(g_steal_pointer(&link->client), deadline);
  link_free(link);
}

void
next_hop_init(struct next_hop *hop, struct outlet_smtp *smtp, struct window *window, struct endpoint *endpoint)
{
  *hop = (struct next_hop){
    .smtp = smtp, .endpoint = endpoint, .name = endpoint_text(endpoint), .window = window, .idle = g_ptr_array_new(), .busy = g_ptr_array_new(), .dials = g_ptr_array_new() };
  window_init(window);
}

void
next_hop_clear(struct next_hop *hop)
{
  (void)next_hop_expire(hop, INT64_MAX);
  g_ptr_array_unref(hop->idle);
  g_ptr_array_unref(hop->busy);
  g_ptr_array_unref(hop->dials);
  endpoint_free(hop->endpoint);
  g_free(hop->name);
}

/* --- the pool --- */

/* An idle connection, or NULL. */
static struct link *
pool_take(struct next_hop *hop)
{
  struct link *link = NULL;
  pthread_mutex_lock(&hop->smtp->lock);
  if (!hop->smtp->cut && hop->idle->len > 0) {
    link = g_ptr_array_steal_index(hop->idle, hop->idle->len - 1);
    g_ptr_array_add(hop->busy, link);
  }
  pthread_mutex_unlock(&hop->smtp->lock);
  return link;
}

/* Locked. */
static void
forget(struct next_hop *hop, struct link *link)
{
  g_ptr_array_remove_fast(hop->busy, link);
  hop->window->open -= link->greeted;
  link->greeted = false;
}

/* It is closed without a word. */
static void
pool_drop(struct next_hop *hop, struct link *link)
{
  pthread_mutex_lock(&hop->smtp->lock);
  forget(hop, link);
  pthread_mutex_unlock(&hop->smtp->lock);
  link_free(link);
}

/* --- connections --- */

static enum res
stopping(GError **error)
{
  return trouble(error, REPLY_STOPPING, "stopping");
}

/* Locked. The hop's name for the log, if other hops of the outlet are up. */
static const char *
name_beside_others(const struct next_hop *hop)
{
  return windows_all_down(&hop->smtp->windows) ? NULL : hop->name;
}

/* `later`: the server asked to come back later. */
static void
note_unreached(struct next_hop *hop, bool later, const GError *cause)
{
  struct outlet_smtp *smtp = hop->smtp;
  counter_add(COUNTER_OUTLET_DOWN, 1);
  pthread_mutex_lock(&smtp->lock);
  if (!smtp->cut && window_unreached(hop->window, later, cause->message, clock_now(), clock_monotonic()))
    outlet_tell_unreached(&smtp->outlet, name_beside_others(hop), &hop->window->backoff);
  pthread_mutex_unlock(&smtp->lock);
}

/* Its greeting was good. Whether the server is of use is seen when it answers somebody. */
static void
note_greeted(struct next_hop *hop, struct link *link)
{
  pthread_mutex_lock(&hop->smtp->lock);
  link->greeted = true;
  hop->window->open++;
  pthread_mutex_unlock(&hop->smtp->lock);
}

/* Connects; whoever cuts the outlet ends it. */
static enum res
connect_hop(struct next_hop *hop, int *fd, GError **error)
{
  struct outlet_smtp *smtp = hop->smtp;
  OWN(dial) dial = dial_new(hop->endpoint, clock_monotonic() + CONNECT_WAIT);
  if (dial == NULL)
    return trouble(error, REPLY_TROUBLE, "no thread to connect to %s", hop->name);
  pthread_mutex_lock(&smtp->lock);
  bool cut = smtp->cut;
  if (!cut)
    g_ptr_array_add(hop->dials, dial);
  pthread_mutex_unlock(&smtp->lock);
  if (cut)
    return stopping(error);
  enum res res = dial_wait(dial, fd, error);
  pthread_mutex_lock(&smtp->lock);
  g_ptr_array_remove_fast(hop->dials, dial);
  pthread_mutex_unlock(&smtp->lock);
  return res;
}

static struct smtp_client *
client_of(const struct next_hop *hop, const struct link *link, int fd)
{
  const struct outlet_smtp *smtp = hop->smtp;
  const struct smtp_pass *pass = &link->pass;
  return smtp_client_new(stream_new(fd), &(struct smtp_client_options){
                                           .hostname = smtp->hostname,
                                           .name = link->name,
                                           .max_recipients = smtp->max_recipients,
                                           .ignore_keywords = (const char *const *)smtp->ignore_keywords,
                                           .tls = pass->tls,
                                           .tls_implicit = pass->tls_implicit,
                                           .tls_name = *pass->tls_name ? pass->tls_name : hop->endpoint->host,
                                           .user = pass->user,
                                           .password = pass->password,
                                         });
}

/* Not greeted yet. It is among the busy ones before the server has said anything, so that a server that never does can be cut off. */
static enum res
link_make(struct next_hop *hop, struct link **made, GError **error)
{
  struct outlet_smtp *smtp = hop->smtp;
  OWN(link) link = g_new0(struct link, 1);
  int fd = -1;
  pthread_mutex_lock(&smtp->lock);
  link->generation = smtp->generation;
  link->name = g_strdup_printf("%s %" G_GINT64_FORMAT, hop->name, ++hop->serial);
  pthread_mutex_unlock(&smtp->lock);
  enum res res = smtp_access_pass(smtp->access, &link->pass, error);
  if (res == RES_OK)
    res = connect_hop(hop, &fd, error);
  if (res != RES_OK)
    return res;
  link->client = client_of(hop, link, fd);
  pthread_mutex_lock(&smtp->lock);
  bool cut = smtp->cut;
  if (!cut)
    g_ptr_array_add(hop->busy, link);
  pthread_mutex_unlock(&smtp->lock);
  if (cut)
    return stopping(error);
  *made = OWN_GIVE(link);
  return RES_OK;
}

/* A connection whose greeting was good, or NULL and why not. */
static struct link *
link_open(struct next_hop *hop, GError **error)
{
  struct link *link = NULL;
  g_autoptr(GError) cause = NULL;
  bool later = false;
  enum res res = link_make(hop, &link, &cause);
  if (res == RES_OK) {
    res = smtp_client_hello(link->client, &cause);
    later = smtp_client_congested(link->client);
  }
  if (res == RES_OK) {
    note_greeted(hop, link);
    return link;
  }
  if (link)
    pool_drop(hop, link);
  note_unreached(hop, later, cause);
  if (res == RES_BAD)
    log_alarm("the outlet refuses us", log_str("outlet", hop->smtp->outlet.name), log_str("hop", hop->name), log_err(cause));
  g_propagate_error(error, g_steal_pointer(&cause));
  return NULL;
}

/* --- sending --- */

/* What a send over a connection came to. */
enum use {
  USE_WHOLE, /* everybody was answered */
  USE_PART,  /* somebody was, before it broke or was worn */
  USE_NONE,  /* it broke before anybody was */
  USE_STALE, /* the same, but it had been idle: the server may have closed it meanwhile, which says nothing about it */
};

/* Locked. */
static void
note_use(struct next_hop *hop, enum use use, bool congested, const GError *cause)
{
  struct outlet_smtp *smtp = hop->smtp;
  if (use == USE_NONE) {
    g_autofree char *why = g_strdup_printf("it greets, and then: %s", cause->message);
    if (!smtp->cut && window_useless(hop->window, why, clock_now(), clock_monotonic()))
      outlet_tell_unreached(&smtp->outlet, name_beside_others(hop), &hop->window->backoff);
    return;
  }
  const char *name = name_beside_others(hop);
  int64_t after = use == USE_STALE ? -1 : window_reached(hop->window, clock_now());
  if (after >= 0)
    outlet_tell_reached(&smtp->outlet, name, after);
  if (congested)
    window_shrink(hop->window);
  else if (use == USE_WHOLE)
    window_grow(hop->window, windows_share(&smtp->windows));
}

/* A send over it has ended. `cause`: it broke; NULL: it did not. */
static void
pool_give(struct next_hop *hop, struct link *link, enum use use, const GError *cause)
{
  struct outlet_smtp *smtp = hop->smtp;
  bool usable = cause == NULL && ++link->uses < USES_MAX && !smtp_client_worn(link->client);
  link->idle_since = clock_monotonic();
  pthread_mutex_lock(&smtp->lock);
  note_use(hop, use, smtp_client_congested(link->client), cause);
  bool keep = usable && link->generation == smtp->generation && !smtp->cut;
  if (keep) {
    g_ptr_array_remove_fast(hop->busy, link);
    g_ptr_array_add(hop->idle, link);
  } else
    forget(hop, link);
  pthread_mutex_unlock(&smtp->lock);
  if (cause)
    link_free(link);
  else if (!keep)
    link_quit(link, clock_monotonic() + WAIT_QUIT);
}

/* A connection that was idle and breaks before the server answered anything is followed by a fresh one. So is one over which some recipients were
 * answered before it broke or was worn: servers slow down and hang up after so many refusals. */
enum outlet_result
next_hop_send(struct next_hop *hop, struct transmission *transmission, GError **error)
{
  for (;;) {
    g_autoptr(GError) cause = NULL;
    size_t before = transmission_pending(transmission);
    struct link *link = pool_take(hop);
    bool reused = link != NULL;
    if (!reused && (link = link_open(hop, error)) == NULL)
      return OUTLET_DOWN;
    (void)!smtp_client_send(link->client, transmission, &cause);
    size_t pending = transmission_pending(transmission);
    enum use use = pending == 0 ? USE_WHOLE : pending < before ? USE_PART : reused && !smtp_client_answered(link->client) ? USE_STALE : USE_NONE;
    pool_give(hop, link, use, cause);
    if (use == USE_WHOLE)
      return OUTLET_DONE;
    if (use == USE_NONE) {
      g_propagate_error(error, g_steal_pointer(&cause));
      return OUTLET_BROKEN;
    }
  }
}

int64_t
next_hop_expire(struct next_hop *hop, int64_t now)
{
  int64_t quit = clock_monotonic() + WAIT_QUIT; /* for all of them: a server that hangs does not hold up the caller for each */
  for (;;) {
    struct link *old = NULL;
    int64_t next = INT64_MAX;
    pthread_mutex_lock(&hop->smtp->lock);
    if (hop->idle->len > 0) {
      struct link *first = g_ptr_array_index(hop->idle, 0);
      next = first->generation == hop->smtp->generation ? first->idle_since + IDLE_MAX : now;
      if (next <= now) {
        old = g_ptr_array_steal_index(hop->idle, 0);
        forget(hop, old);
      }
    }
    pthread_mutex_unlock(&hop->smtp->lock);
    if (old == NULL)
      return next;
    link_quit(old, quit);
  }
}

void
next_hop_cut(struct next_hop *hop)
{
  for (guint i = 0; i < hop->busy->len; i++)
    smtp_client_cut(((struct link *)g_ptr_array_index(hop->busy, i))->client);
  for (guint i = 0; i < hop->dials->len; i++)
    dial_give_up(g_ptr_array_index(hop->dials, i));
}
