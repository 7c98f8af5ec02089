#include "outlet/dial.h"
#include "base/thread.h"
#include <glib.h>
#include <unistd.h>

struct dial {
  struct endpoint endpoint; /* a copy */
  int64_t deadline;
  pthread_mutex_t lock; /* for what follows */
  pthread_cond_t ended;
  int holders; /* who waits, and the thread */
  bool done, given_up;
  enum res res;
  int fd; /* -1: none, or handed out */
  GError *error;
};

static void
let_go(struct dial *dial)
{
  pthread_mutex_lock(&dial->lock);
  bool last = --dial->holders == 0;
  pthread_mutex_unlock(&dial->lock);
  if (!last)
    return;
  if (dial->fd >= 0)
    close(dial->fd);
  g_clear_error(&dial->error);
  pthread_cond_destroy(&dial->ended);
  pthread_mutex_destroy(&dial->lock);
  g_free(dial->endpoint.host);
  g_free(dial->endpoint.path);
  g_free(dial);
}

static void *
connect_thread(void *arg)
{
  struct dial *dial = arg;
  GError *error = NULL;
  int fd = -1;
  enum res res = endpoint_connect(&dial->endpoint, dial->deadline, &fd, &error);
  pthread_mutex_lock(&dial->lock);
  dial->res = res;
  dial->fd = res == RES_OK ? fd : -1;
  dial->error = error;
  dial->done = true;
  pthread_cond_signal(&dial->ended);
  pthread_mutex_unlock(&dial->lock);
  let_go(dial);
  return NULL;
}

struct dial *
dial_new(const struct endpoint *endpoint, int64_t deadline)
{
  struct dial *dial = g_new0(struct dial, 1);
  dial->endpoint = (struct endpoint){ .host = g_strdup(endpoint->host), .port = endpoint->port, .path = g_strdup(endpoint->path) };
  dial->deadline = deadline;
  dial->holders = 2;
  dial->fd = -1;
  pthread_mutex_init(&dial->lock, NULL);
  pthread_cond_init(&dial->ended, NULL);
  if (thread_start_detached(connect_thread, dial))
    return dial;
  dial->holders = 1;
  let_go(dial);
  return NULL;
}

enum res
dial_wait(struct dial *dial, int *fd, GError **error)
{
  enum res res = RES_TEMP;
  pthread_mutex_lock(&dial->lock);
  while (!dial->done && !dial->given_up)
    pthread_cond_wait(&dial->ended, &dial->lock);
  if (dial->given_up)
    res = trouble(error, REPLY_STOPPING, "stopping");
  else {
    res = dial->res;
    *fd = dial->fd;
    dial->fd = -1;
    if (dial->error)
      g_propagate_error(error, g_steal_pointer(&dial->error));
  }
  pthread_mutex_unlock(&dial->lock);
  return res;
}

void
dial_give_up(struct dial *dial)
{
  pthread_mutex_lock(&dial->lock);
  dial->given_up = true;
  pthread_cond_signal(&dial->ended);
  pthread_mutex_unlock(&dial->lock);
}

void
dial_free(struct dial *dial)
{
  if (dial)
    let_go(dial);
}
