#include "store/readers.h"
#include "base/clock.h"
#include "store/connection.h"
#include <pthread.h>

#define CACHE_KIB 256
#define STATEMENTS 64
#define PATIENCE (10 * CLOCK_SECOND) /* readers wait only while the file is opened or recovered */

struct readers {
  char *path;
  pthread_mutex_t lock;
  pthread_cond_t returned;
  struct connection *idle[READERS_MAX];
  size_t n_idle;
  size_t n_open; /* idle and lent */
};

struct readers *
readers_new(const char *path)
{
  struct readers *readers = g_new0(struct readers, 1);
  readers->path = g_strdup(path);
  pthread_mutex_init(&readers->lock, NULL);
  pthread_cond_init(&readers->returned, NULL);
  return readers;
}

void
readers_free(struct readers *readers)
{
  if (readers == NULL)
    return;
  g_assert(readers->n_idle == readers->n_open);
  for (size_t i = 0; i < readers->n_idle; i++)
    connection_close(readers->idle[i]);
  pthread_cond_destroy(&readers->returned);
  pthread_mutex_destroy(&readers->lock);
  g_free(readers->path);
  g_free(readers);
}

/* An idle one, or NULL: then the caller may open one, and is counted for it. */
static struct connection *
take(struct readers *readers)
{
  struct connection *connection = NULL;
  pthread_mutex_lock(&readers->lock);
  while (readers->n_idle == 0 && readers->n_open == READERS_MAX)
    pthread_cond_wait(&readers->returned, &readers->lock);
  if (readers->n_idle > 0)
    connection = readers->idle[--readers->n_idle];
  else
    readers->n_open++;
  pthread_mutex_unlock(&readers->lock);
  return connection;
}

/* NULL: it could not be opened, and is no longer counted. */
static void
give_back(struct readers *readers, struct connection *connection)
{
  pthread_mutex_lock(&readers->lock);
  if (connection)
    readers->idle[readers->n_idle++] = connection;
  else
    readers->n_open--;
  pthread_cond_signal(&readers->returned);
  pthread_mutex_unlock(&readers->lock);
}

static enum res
borrow(struct readers *readers, struct connection **connection, GError **error)
{
  *connection = take(readers);
  if (*connection)
    return RES_OK;
  enum res res = connection_open(&(struct connection_options){ .path = readers->path, .cache_kib = CACHE_KIB, .statements = STATEMENTS,
                                                               .patience = PATIENCE, .query_only = true },
                                 connection, error);
  if (res != RES_OK)
    give_back(readers, NULL);
  return res;
}

enum res
readers_run(struct readers *readers, store_fn read, void *arg, GError **error)
{
  struct connection *connection;
  enum res res = borrow(readers, &connection, error);
  if (res != RES_OK)
    return res;
  res = connection_run(connection, "BEGIN", error);
  if (res == RES_OK)
    res = connection_call(connection, read, arg, error);
  connection_rollback(connection); /* nothing was written */
  give_back(readers, connection);
  return res;
}
