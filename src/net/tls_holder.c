#include "net/tls_holder.h"
#include <pthread.h>
#include <stdatomic.h>

struct tls_holder {
  pthread_mutex_t lock;
  struct tls_context *context;
  atomic_bool has, asks; /* asked for at every command */
};

struct tls_holder *
tls_holder_new(void)
{
  struct tls_holder *holder = g_new0(struct tls_holder, 1);
  pthread_mutex_init(&holder->lock, NULL);
  return holder;
}

void
tls_holder_free(struct tls_holder *holder)
{
  if (holder == NULL)
    return;
  tls_context_free(holder->context);
  pthread_mutex_destroy(&holder->lock);
  g_free(holder);
}

void
tls_holder_set(struct tls_holder *holder, struct tls_context *context)
{
  pthread_mutex_lock(&holder->lock);
  tls_context_free(holder->context);
  holder->context = context;
  atomic_store(&holder->has, context != NULL);
  atomic_store(&holder->asks, context != NULL && tls_context_asks(context));
  pthread_mutex_unlock(&holder->lock);
}

struct tls_context *
tls_holder_get(struct tls_holder *holder)
{
  if (holder == NULL)
    return NULL;
  pthread_mutex_lock(&holder->lock);
  struct tls_context *context = holder->context ? tls_context_share(holder->context) : NULL;
  pthread_mutex_unlock(&holder->lock);
  return context;
}

bool
tls_holder_has(const struct tls_holder *holder)
{
  return holder && atomic_load(&holder->has);
}

bool
tls_holder_asks(const struct tls_holder *holder)
{
  return holder && atomic_load(&holder->asks);
}
