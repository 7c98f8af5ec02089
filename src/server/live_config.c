#include "server/live_config.h"
#include <pthread.h>

struct generation {
  struct config *config;
  int users;
};

struct live_config {
  pthread_mutex_t lock;
  GPtrArray *generations; /* struct generation *; the last one is in force */
};

static void
generation_free(struct generation *generation)
{
  g_assert(generation->users == 0);
  config_free(generation->config);
  g_free(generation);
}

static struct generation *
newest(struct live_config *live)
{
  return g_ptr_array_index(live->generations, live->generations->len - 1);
}

static void
append(struct live_config *live, struct config *config)
{
  struct generation *generation = g_new0(struct generation, 1);
  generation->config = config;
  g_ptr_array_add(live->generations, generation);
}

/* Drops generations that nobody uses; never the one in force. */
static void
sweep(struct live_config *live)
{
  for (guint i = 0; i + 1 < live->generations->len;) {
    struct generation *generation = g_ptr_array_index(live->generations, i);
    if (generation->users == 0)
      g_ptr_array_remove_index(live->generations, i);
    else
      i++;
  }
}

struct live_config *
live_config_new(struct config *config)
{
  struct live_config *live = g_new0(struct live_config, 1);
  pthread_mutex_init(&live->lock, NULL);
  live->generations = g_ptr_array_new_with_free_func((GDestroyNotify)generation_free);
  append(live, config);
  return live;
}

void
live_config_free(struct live_config *live)
{
  if (live == NULL)
    return;
  g_ptr_array_unref(live->generations);
  pthread_mutex_destroy(&live->lock);
  g_free(live);
}

const struct config *
live_config_acquire(struct live_config *live)
{
  pthread_mutex_lock(&live->lock);
  struct generation *generation = newest(live);
  generation->users++;
  pthread_mutex_unlock(&live->lock);
  return generation->config;
}

void
live_config_release(struct live_config *live, const struct config *config)
{
  pthread_mutex_lock(&live->lock);
  for (guint i = 0; i < live->generations->len; i++) {
    struct generation *generation = g_ptr_array_index(live->generations, i);
    if (generation->config == config)
      generation->users--;
  }
  sweep(live);
  pthread_mutex_unlock(&live->lock);
}

void
live_config_replace(struct live_config *live, struct config *config)
{
  pthread_mutex_lock(&live->lock);
  append(live, config);
  sweep(live);
  pthread_mutex_unlock(&live->lock);
}
