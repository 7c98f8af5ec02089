/* The SMTP outlet: one or several next hops that share out what there is to send. What one cannot take now goes to another at once. */
#include "outlet/outlet_smtp.h"
#include "base/clock.h"

static struct outlet_smtp *
smtp_of(struct outlet *outlet)
{
  return (struct outlet_smtp *)outlet;
}

/* --- sending --- */

/* One that has not been tried and has room, or NULL. */
static struct next_hop *
choose(struct outlet_smtp *smtp, bool tried[NEXT_HOPS_MAX], bool moved)
{
  struct next_hop *hop = NULL;
  pthread_mutex_lock(&smtp->lock);
  struct window *window = smtp->cut ? NULL : windows_choose(&smtp->windows, tried, moved, clock_monotonic());
  if (window) {
    hop = &smtp->hops[window - smtp->window];
    tried[window - smtp->window] = true;
  }
  pthread_mutex_unlock(&smtp->lock);
  return hop;
}

static void
leave(struct outlet_smtp *smtp, struct next_hop *hop)
{
  pthread_mutex_lock(&smtp->lock);
  hop->window->busy--;
  pthread_mutex_unlock(&smtp->lock);
}

static enum outlet_result
nowhere(struct outlet_smtp *smtp, enum outlet_result result, GError **error)
{
  if (error && *error == NULL) {
    pthread_mutex_lock(&smtp->lock);
    bool cut = smtp->cut, down = windows_all_down(&smtp->windows);
    pthread_mutex_unlock(&smtp->lock);
    (void)!trouble(error, cut ? REPLY_STOPPING : REPLY_TROUBLE, cut ? "stopping" : down ? "no next hop is reached" : "no next hop has room");
  }
  return result;
}

/* Each next hop at most once. BROKEN if it broke anywhere: who was not reached says less. The error is the one of that result that came first. */
static enum outlet_result
smtp_send(struct outlet *outlet, struct transmission *transmission, GError **error)
{
  struct outlet_smtp *smtp = smtp_of(outlet);
  bool tried[NEXT_HOPS_MAX] = { false }, moved = false;
  enum outlet_result worst = OUTLET_DOWN;
  for (struct next_hop *hop; (hop = choose(smtp, tried, moved)) != NULL; moved = true) {
    g_autoptr(GError) cause = NULL;
    enum outlet_result result = next_hop_send(hop, transmission, &cause);
    leave(smtp, hop);
    if (result == OUTLET_DONE) {
      g_clear_error(error);
      return OUTLET_DONE;
    }
    if (!moved || (result == OUTLET_BROKEN && worst == OUTLET_DOWN)) {
      g_clear_error(error);
      g_propagate_error(error, g_steal_pointer(&cause));
      worst = result;
    }
  }
  return nowhere(smtp, worst, error);
}

static int
smtp_room(struct outlet *outlet, int64_t now, int64_t *again)
{
  struct outlet_smtp *smtp = smtp_of(outlet);
  pthread_mutex_lock(&smtp->lock);
  int room = windows_room(&smtp->windows, now, again);
  pthread_mutex_unlock(&smtp->lock);
  return room;
}

/* --- the operator --- */

static void
smtp_retry(struct outlet *outlet)
{
  struct outlet_smtp *smtp = smtp_of(outlet);
  pthread_mutex_lock(&smtp->lock);
  for (size_t i = 0; i < smtp->windows.n; i++)
    backoff_retry(&smtp->window[i].backoff);
  pthread_mutex_unlock(&smtp->lock);
}

/* Idle connections are closed by the next expiry, or when they would be used. */
static void
smtp_refresh(struct outlet *outlet)
{
  struct outlet_smtp *smtp = smtp_of(outlet);
  smtp_access_refresh(smtp->access);
  pthread_mutex_lock(&smtp->lock);
  smtp->generation++;
  pthread_mutex_unlock(&smtp->lock);
  (void)outlet_expire(outlet, clock_monotonic());
}

static void
smtp_state(struct outlet *outlet, GArray *hops)
{
  struct outlet_smtp *smtp = smtp_of(outlet);
  pthread_mutex_lock(&smtp->lock);
  for (size_t i = 0; i < smtp->windows.n; i++) {
    struct hop_state state = outlet_hop_state(outlet, smtp->hops[i].name, &smtp->window[i].backoff);
    state.window = MIN(smtp->window[i].size, windows_share(&smtp->windows));
    state.open = smtp->window[i].open;
    g_array_append_val(hops, state);
  }
  pthread_mutex_unlock(&smtp->lock);
}

/* --- its end --- */

static int64_t
smtp_expire(struct outlet *outlet, int64_t now)
{
  struct outlet_smtp *smtp = smtp_of(outlet);
  int64_t next = INT64_MAX;
  for (size_t i = 0; i < smtp->windows.n; i++) {
    int64_t at = next_hop_expire(&smtp->hops[i], now);
    next = MIN(next, at);
  }
  return next;
}

static void
smtp_cut(struct outlet *outlet, bool cut)
{
  struct outlet_smtp *smtp = smtp_of(outlet);
  pthread_mutex_lock(&smtp->lock);
  smtp->cut = cut;
  for (size_t i = 0; cut && i < smtp->windows.n; i++)
    next_hop_cut(&smtp->hops[i]);
  pthread_mutex_unlock(&smtp->lock);
}

static void
smtp_free(struct outlet *outlet)
{
  struct outlet_smtp *smtp = smtp_of(outlet);
  for (size_t i = 0; i < smtp->windows.n; i++)
    next_hop_clear(&smtp->hops[i]);
  smtp_access_free(smtp->access);
  pthread_mutex_destroy(&smtp->lock);
  g_strfreev(smtp->ignore_keywords);
  g_free(smtp->hostname);
  g_free(smtp);
}

static const struct outlet_ops smtp_ops = {
  .send = smtp_send,
  .room = smtp_room,
  .retry = smtp_retry,
  .refresh = smtp_refresh,
  .state = smtp_state,
  .expire = smtp_expire,
  .cut = smtp_cut,
  .free = smtp_free,
};

/* --- making one --- */

/* HOST, HOST:PORT, an IPv6 address with or without brackets, [v6]:PORT. */
static enum res
parse_host(const char *text, int port, struct endpoint **endpoint, GError **error)
{
  const char *colon = strchr(text, ':'), *end = strrchr(text, ']');
  bool bracketed = text[0] == '[', bare_ipv6 = !bracketed && colon && strchr(colon + 1, ':');
  bool has_port = bracketed ? end && end[1] == ':' : colon && !bare_ipv6;
  g_autofree char *whole = has_port ? g_strdup(text) : g_strdup_printf(bare_ipv6 ? "[%s]:%d" : "%s:%d", text, port);
  enum res res = strchr(whole, '/') ? RES_BAD : endpoint_parse(whole, endpoint, NULL);
  if (res == RES_OK && (*endpoint)->port == 0) {
    endpoint_free(g_steal_pointer(endpoint));
    res = RES_BAD;
  }
  return res == RES_OK ? RES_OK : refuse(error, REPLY_SYNTAX, "\"%s\" is no next hop: HOST, HOST:PORT, an IPv6 address, or [IPv6]:PORT", text);
}

static bool
has_hop(const struct outlet_smtp *smtp, const struct endpoint *endpoint)
{
  g_autofree char *name = endpoint_text(endpoint);
  for (size_t i = 0; i < smtp->windows.n; i++)
    if (strcmp(smtp->hops[i].name, name) == 0)
      return true;
  return false;
}

static enum res
add_hop(struct outlet_smtp *smtp, const char *text, int port, GError **error)
{
  size_t n = smtp->windows.n;
  OWN(endpoint) endpoint = NULL;
  enum res res = parse_host(text, port, &endpoint, error);
  if (res != RES_OK)
    return res;
  if (n == NEXT_HOPS_MAX)
    return refuse(error, REPLY_SYNTAX, "more than %d next hops", NEXT_HOPS_MAX);
  if (has_hop(smtp, endpoint))
    return refuse(error, REPLY_SYNTAX, "\"%s\" stands there twice", text);
  next_hop_init(&smtp->hops[n], smtp, &smtp->window[n], OWN_GIVE(endpoint));
  smtp->windows.n++;
  return RES_OK;
}

static enum res
add_hops(struct outlet_smtp *smtp, const struct outlet_options *options, GError **error)
{
  enum res res = RES_OK;
  for (const char *const *host = options->hosts; host && *host && res == RES_OK; host++)
    res = add_hop(smtp, *host, options->port, error);
  return res == RES_OK && smtp->windows.n == 0 ? refuse(error, REPLY_SYNTAX, "there is no next hop") : res;
}

struct outlet *
outlet_smtp_new(const struct outlet_options *options, GError **error)
{
  g_autofree char *section = outlet_section(options->section), *hosts = g_strjoinv(", ", options->hosts ? (char **)options->hosts : (char *[]){ NULL });
  g_autoptr(GError) problem = NULL;
  OWN(smtp_access) access = NULL;
  if (smtp_access_new(options, &access, error) != RES_OK)
    return NULL;
  struct outlet_smtp *smtp = g_new0(struct outlet_smtp, 1);
  smtp->access = OWN_GIVE(access);
  smtp->hostname = g_strdup(options->hostname && *options->hostname ? options->hostname : "localhost");
  smtp->max_recipients = (size_t)MAX(options->max_recipients, 1);
  smtp->ignore_keywords = g_strdupv((char **)options->ignore_keywords);
  smtp->windows = (struct windows){ .at = smtp->window, .connections = MAX(options->connections, 1) };
  pthread_mutex_init(&smtp->lock, NULL);
  if (add_hops(smtp, options, &problem) == RES_OK) {
    g_autofree char *place = smtp->windows.n == 1 ? g_strdup(smtp->hops[0].name) : g_strdup(hosts);
    outlet_init(&smtp->outlet, &smtp_ops, options, place);
    return &smtp->outlet;
  }
  (void)!refuse(error, REPLY_SYNTAX, "%s host: %s", section, problem->message);
  smtp_free(&smtp->outlet);
  return NULL;
}
