/* One thread for each listening descriptor waits for connections, one thread for each session serves it, whatever its service. The table of sessions
 * is the only state they share. A session takes itself out of the table when it ends.
 *
 * When there is no room the newcomer is told 421 (server/shortage.h). */
#include "server/listeners.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/log.h"
#include "base/thread.h"
#include "base/token.h"
#include "net/endpoint.h"
#include "server/admission.h"
#include "server/descriptors.h"
#include "server/shortage.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct listener {
  struct listeners *owner;
  enum config_service number;
  const struct service *service;
  char *text;
  struct endpoint *endpoint;
  int fd;
  bool passed; /* systemd has made it and keeps it */
  pthread_t thread;
  bool running;
};

struct session {
  struct listeners *owner;
  const struct service_ops *ops;
  void *of_service; /* its own session */
  struct door_peer peer;
  char id[TOKEN_ID + 1];
  struct newcomer newcomer;
  int fd;
  bool leaving; /* told to end; no longer counted */
};

struct listeners {
  pthread_mutex_t lock;
  pthread_cond_t ended;
  GPtrArray *all;      /* struct listener * */
  GPtrArray *sessions; /* struct session * */
  size_t leaving;
  size_t max_sessions;
  int64_t reserve; /* descriptors that sessions leave alone */
  struct shortages shortages;
  struct strangers strangers;
  struct live_config *live;
  int stop_event;
  const struct service *services;
  struct door_options *options; /* NULL: not started */
};

static void
listener_close(struct listener *listener)
{
  if (listener->fd < 0)
    return;
  if (listener->endpoint->path && !listener->passed)
    unlink(listener->endpoint->path);
  close(listener->fd);
  listener->fd = -1;
}

static void
listener_free(struct listener *listener)
{
  listener_close(listener);
  endpoint_free(listener->endpoint);
  g_free(listener->text);
  g_free(listener);
}

/* May a default listener that cannot be made be left out? What delivers the mail may be missing a place, but not lose it to another program. */
static bool
may_be_missing(enum config_service service, const struct endpoint *endpoint, enum res res)
{
  return res == RES_MORE || endpoint->path || service != CONFIG_LMTP;
}

/* `endpoint` is taken over. */
static void
add_listener(struct listeners *listeners, enum config_service service, const char *text, struct endpoint *endpoint, int fd, bool passed)
{
  struct listener *listener = g_new0(struct listener, 1);
  *listener = (struct listener){
    .owner = listeners, .number = service, .service = &listeners->services[service], .text = g_strdup(text), .endpoint = endpoint, .fd = fd, .passed = passed,
  };
  g_ptr_array_add(listeners->all, listener);
}

static enum res
bind_one(struct listeners *listeners, enum config_service service, const char *text, const struct config *config, struct activation *activation, GError **error)
{
  OWN(endpoint) endpoint = NULL;
  g_autoptr(GError) problem = NULL;
  const char *key = config_service_key(service);
  enum res res = endpoint_parse(text, &endpoint, &problem);
  if (res != RES_OK)
    return refuse(error, REPLY_SYNTAX, "%s = %s: %s", key, text, problem->message);
  struct endpoint_access access = { .mode = (mode_t)config->lmtp_socket_mode, .group = config->lmtp_socket_group };
  int fd = activation_claim(activation, endpoint);
  bool passed = fd >= 0;
  if (!passed)
    res = endpoint_listen(endpoint, &access, &fd, &problem);
  if (res != RES_OK && config->services[service].is_default && may_be_missing(service, endpoint, res)) {
    log_warn("default listener left out", log_str("listen", text), log_err(problem));
    return RES_OK;
  }
  if (res != RES_OK)
    return refuse(error, REPLY_TROUBLE, "%s = %s: %s", key, text, problem ? problem->message : "this machine does not have that address");
  add_listener(listeners, service, text, OWN_GIVE(endpoint), fd, passed);
  return RES_OK;
}

/* Configured ones first: a default must not take what somebody has chosen for another service. */
static enum res
bind_all(struct listeners *listeners, const struct config *config, struct activation *activation, GError **error)
{
  enum res res = RES_OK;
  for (int is_default = 0; is_default <= 1; is_default++)
    for (enum config_service service = 0; service < CONFIG_SERVICES; service++)
      if (listeners->services[service].ops && config->services[service].is_default == is_default)
        for (char **text = config->services[service].listen; *text && res == RES_OK; text++)
          res = bind_one(listeners, service, *text, config, activation, error);
  return res == RES_OK ? activation_check(activation, error) : res;
}

enum res
listeners_bind(const struct config *config, const struct service services[CONFIG_SERVICES], struct activation *activation, struct listeners **listeners, GError **error)
{
  OWN(listeners) made = g_new0(struct listeners, 1);
  pthread_mutex_init(&made->lock, NULL);
  pthread_cond_init(&made->ended, NULL);
  made->services = services;
  made->all = g_ptr_array_new_with_free_func((GDestroyNotify)listener_free);
  made->sessions = g_ptr_array_new();
  made->max_sessions = (size_t)config->max_sessions;
  made->reserve = descriptors_reserve(config);
  bool relays = config->services[CONFIG_SMTP].listen[0] != NULL; /* their sessions have a next hop on the line, too */
  descriptors_raise(config->max_sessions * (relays ? 2 : 1), made->reserve);
  made->stop_event = eventfd(0, EFD_CLOEXEC);
  enum res res = made->stop_event >= 0 ? RES_OK : trouble(error, REPLY_TROUBLE, "no descriptor for the listeners: %s", g_strerror(errno));
  if (res == RES_OK)
    res = bind_all(made, config, activation, error);
  if (res == RES_OK)
    *listeners = OWN_GIVE(made);
  return res;
}

/* Called with the lock held. */
static size_t
counted(const struct listeners *listeners)
{
  return listeners->sessions->len - listeners->leaving;
}

static void
update_shortage(struct listeners *listeners)
{
  atomic_store(&listeners->options->short_of_sessions, counted(listeners) * 5 > listeners->max_sessions * 4);
}

static void
tell_to_leave(struct listeners *listeners, struct session *session, enum reply reply)
{
  if (session->leaving)
    return;
  session->leaving = true;
  listeners->leaving++;
  session->ops->session_end(session->of_service, reply);
}

static bool
is_idle(struct session *session, int64_t *since)
{
  return session->ops->session_idle(session->of_service, since);
}

static bool
is_overdue(struct session *session, int64_t *since)
{
  return session->ops->session_overdue(session->of_service, clock_monotonic(), since);
}

/* The session that `is_so` since the longest time, or NULL. Lock held. */
static struct session *
find_longest(const struct listeners *listeners, bool (*is_so)(struct session *session, int64_t *since))
{
  struct session *found = NULL;
  int64_t oldest = INT64_MAX;
  for (guint i = 0; i < listeners->sessions->len; i++) {
    struct session *session = g_ptr_array_index(listeners->sessions, i);
    int64_t since;
    if (!session->leaving && is_so(session, &since) && since < oldest) {
      oldest = since;
      found = session;
    }
  }
  return found;
}

/* Tells one session to end, if there is one that may: that idle longest outside a transaction, else that slower than the minimum rate for longest. Lock held. False: all
 * are at work, or as many are leaving as may be. */
static bool
send_one_away(struct listeners *listeners)
{
  if (listeners->leaving >= listeners->max_sessions)
    return false;
  struct session *idle = find_longest(listeners, is_idle), *overdue = idle ? NULL : find_longest(listeners, is_overdue);
  if (idle)
    tell_to_leave(listeners, idle, REPLY_BUSY);
  else if (overdue)
    tell_to_leave(listeners, overdue, REPLY_TIMEOUT);
  return idle || overdue;
}

/* One that leaves keeps its descriptor and its thread for a moment: not this newcomer gets them but the next one. Lock held. */
static void
make_room_for_the_next(struct listeners *listeners)
{
  if (listeners->leaving == 0)
    (void)send_one_away(listeners);
}

/* Room for a newcomer with the descriptor `fd`. Lock held. SHORTAGES: there is, or it was made. */
static enum shortage
make_room(struct listeners *listeners, int fd)
{
  if (!descriptors_spare(fd, listeners->reserve)) {
    make_room_for_the_next(listeners);
    return OF_DESCRIPTORS;
  }
  return counted(listeners) < listeners->max_sessions || send_one_away(listeners) ? SHORTAGES : OF_SESSIONS;
}

static void *
session_thread(void *data)
{
  struct session *session = data;
  struct listeners *listeners = session->owner;
  log_session(session->id);
  session->ops->session_run(session->of_service);

  pthread_mutex_lock(&listeners->lock);
  g_ptr_array_remove_fast(listeners->sessions, session);
  if (session->leaving)
    listeners->leaving--;
  update_shortage(listeners);
  int64_t refused[SHORTAGES];
  shortages_end(&listeners->shortages, listeners->sessions->len, refused);
  session->ops->session_free(session->of_service);
  g_free(session);
  pthread_cond_broadcast(&listeners->ended);
  pthread_mutex_unlock(&listeners->lock);
  shortages_log_ended(refused);
  return NULL;
}

/* The descriptor is closed by the caller. */
static void
turn_away(const struct listener *listener, int fd, enum reply reply)
{
  g_autoptr(GString) line = g_string_new(NULL);
  listener->service->ops->turn_away(reply, line);
  if (line->len && send(fd, line->str, line->len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
    log_debug("newcomer could not be told", log_str("error", g_strerror(errno)));
  counter_add(reply == REPLY_NOT_ALLOWED ? COUNTER_SESSIONS_NOT_ALLOWED : COUNTER_SESSIONS_REFUSED, 1);
}

/* By the configuration in force: a reload changes it at once. */
static bool
may_connect(const struct listener *listener, const struct newcomer *newcomer)
{
  if (newcomer->local)
    return true;
  const struct config *config = live_config_acquire(listener->owner->live);
  bool may = newcomer_is_allowed(newcomer, config, listener->number);
  live_config_release(listener->owner->live, config);
  return may;
}

static void
refuse_stranger(struct listener *listener, int fd, const struct newcomer *newcomer)
{
  struct listeners *listeners = listener->owner;
  turn_away(listener, fd, REPLY_NOT_ALLOWED);
  close(fd);
  pthread_mutex_lock(&listeners->lock);
  int64_t n = strangers_note(&listeners->strangers, clock_monotonic());
  pthread_mutex_unlock(&listeners->lock);
  if (n)
    log_warn("newcomer may not connect: allow does not name the address", log_str("listen", listener->text), log_str("peer", newcomer->text), log_int("turned_away", n));
}

static struct session *
session_new(struct listener *listener, int fd, const struct newcomer *newcomer)
{
  struct session *session = g_new0(struct session, 1);
  session->owner = listener->owner;
  session->ops = listener->service->ops;
  session->fd = fd;
  token_random(session->id, TOKEN_ID);
  session->newcomer = *newcomer;
  session->peer = (struct door_peer){
    .session = session->id, .listener = listener->text, .address = session->newcomer.text, .unix_socket = listener->endpoint->path != NULL,
  };
  session->of_service = session->ops->session_new(listener->service, stream_new(fd), &session->peer);
  return session;
}

/* Begins a session, which takes over `fd`. Lock held. SHORTAGES: it runs; else it was told 421. */
static enum shortage
begin_session(struct listener *listener, int fd, const struct newcomer *newcomer)
{
  struct listeners *listeners = listener->owner;
  struct session *session = session_new(listener, fd, newcomer);
  if (!thread_start_detached(session_thread, session)) {
    turn_away(listener, fd, REPLY_BUSY);
    session->ops->session_free(session->of_service);
    g_free(session);
    make_room_for_the_next(listeners);
    return OF_THREADS;
  }
  g_ptr_array_add(listeners->sessions, session);
  update_shortage(listeners);
  counter_add(COUNTER_SESSIONS, 1);
  return SHORTAGES;
}

/* Who may connect: a session begins, or there is a 421. */
static void
admit(struct listener *listener, int fd, const struct newcomer *newcomer)
{
  struct listeners *listeners = listener->owner;
  int64_t refused[SHORTAGES] = { 0 };
  pthread_mutex_lock(&listeners->lock);
  enum shortage shortage = make_room(listeners, fd);
  if (shortage != SHORTAGES) {
    turn_away(listener, fd, REPLY_BUSY);
    close(fd);
  } else
    shortage = begin_session(listener, fd, newcomer);
  bool begins = shortage != SHORTAGES && shortage_begins(&listeners->shortages, shortage, listeners->sessions->len);
  if (shortage == SHORTAGES)
    shortages_end(&listeners->shortages, listeners->sessions->len, refused);
  size_t sessions = counted(listeners);
  pthread_mutex_unlock(&listeners->lock);
  if (begins)
    shortage_log(shortage, listener->text, sessions);
  shortages_log_ended(refused);
}

/* Out of descriptors or memory: waiting a little (or for the stop) beats a busy loop. */
static void
pause_accepting(struct listener *listener)
{
  struct listeners *listeners = listener->owner;
  pthread_mutex_lock(&listeners->lock);
  bool begins = shortage_begins(&listeners->shortages, OF_DESCRIPTORS, listeners->sessions->len);
  make_room_for_the_next(listeners);
  size_t sessions = counted(listeners);
  pthread_mutex_unlock(&listeners->lock);
  if (begins)
    shortage_log(OF_DESCRIPTORS, listener->text, sessions);
  struct pollfd stop = { .fd = listener->owner->stop_event, .events = POLLIN };
  poll(&stop, 1, 1000);
}

static void
meet(struct listener *listener, int fd, const struct sockaddr_storage *peer)
{
  struct newcomer newcomer;
  newcomer_read(peer, &newcomer);
  if (may_connect(listener, &newcomer))
    admit(listener, fd, &newcomer);
  else
    refuse_stranger(listener, fd, &newcomer);
}

static void *
listener_thread(void *data)
{
  struct listener *listener = data;
  struct pollfd wait[2] = { { .fd = listener->fd, .events = POLLIN }, { .fd = listener->owner->stop_event, .events = POLLIN } };
  for (;;) {
    if (poll(wait, 2, -1) < 0 && errno != EINTR)
      g_error("poll: %s", g_strerror(errno));
    if (wait[1].revents)
      return NULL;
    struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
    socklen_t size = sizeof peer;
    int fd = accept4(listener->fd, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
      meet(listener, fd, &peer);
    else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
      pause_accepting(listener);
  }
}

enum res
listeners_start(struct listeners *listeners, struct live_config *live, struct door_options *options, GError **error)
{
  listeners->live = live;
  listeners->options = options;
  for (guint i = 0; i < listeners->all->len; i++) {
    struct listener *listener = g_ptr_array_index(listeners->all, i);
    listener->running = thread_start(&listener->thread, listener_thread, listener);
    if (!listener->running)
      return trouble(error, REPLY_TROUBLE, "no thread for the listener on %s", listener->text);
    log_note("listening", log_str(listener->service->ops->name, listener->text));
  }
  return RES_OK;
}

static void
join_listeners(struct listeners *listeners)
{
  uint64_t one = 1;
  if (write(listeners->stop_event, &one, sizeof one) != sizeof one)
    g_error("eventfd: %s", g_strerror(errno));
  for (guint i = 0; i < listeners->all->len; i++) {
    struct listener *listener = g_ptr_array_index(listeners->all, i);
    if (listener->running)
      pthread_join(listener->thread, NULL);
    listener->running = false;
    listener_close(listener); /* who comes now is refused at once, rather than left without a greeting */
  }
}

/* Waits until all sessions have ended; lock held. False: the deadline is past. */
static bool
wait_for_sessions(struct listeners *listeners, int64_t deadline)
{
  struct timespec until = thread_deadline(deadline);
  while (listeners->sessions->len)
    if (pthread_cond_clockwait(&listeners->ended, &listeners->lock, CLOCK_MONOTONIC, &until) == ETIMEDOUT)
      return false;
  return true;
}

void
listeners_stop(struct listeners *listeners, int64_t deadline)
{
  if (listeners->options == NULL)
    return;
  atomic_store(&listeners->options->stopping, true);
  join_listeners(listeners);
  pthread_mutex_lock(&listeners->lock);
  for (guint i = 0; i < listeners->sessions->len; i++)
    tell_to_leave(listeners, g_ptr_array_index(listeners->sessions, i), REPLY_SHUTDOWN);
  if (!wait_for_sessions(listeners, deadline)) {
    log_warn("sessions cut off", log_int("sessions", listeners->sessions->len));
    for (guint i = 0; i < listeners->sessions->len; i++)
      shutdown(((struct session *)g_ptr_array_index(listeners->sessions, i))->fd, SHUT_RDWR);
    while (listeners->sessions->len)
      pthread_cond_wait(&listeners->ended, &listeners->lock);
  }
  pthread_mutex_unlock(&listeners->lock);
}

void
listeners_free(struct listeners *listeners)
{
  if (listeners == NULL)
    return;
  g_assert(listeners->sessions->len == 0);
  g_ptr_array_unref(listeners->all);
  g_ptr_array_unref(listeners->sessions);
  if (listeners->stop_event >= 0)
    close(listeners->stop_event);
  pthread_cond_destroy(&listeners->ended);
  pthread_mutex_destroy(&listeners->lock);
  g_free(listeners);
}

size_t
listeners_sessions(struct listeners *listeners)
{
  pthread_mutex_lock(&listeners->lock);
  size_t n = listeners->sessions->len;
  pthread_mutex_unlock(&listeners->lock);
  return n;
}
