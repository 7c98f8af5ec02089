#include "server/probes.h"
#include "base/token.h"
#include "envelope/role.h"
#include <glib.h>
#include <pthread.h>
#include <string.h>

#define KEPT 8

static struct {
  pthread_mutex_t lock;
  char tokens[KEPT][TOKEN_ID + 1]; /* "": none */
  size_t next;
} probes = { .lock = PTHREAD_MUTEX_INITIALIZER };

void
probes_note(const char *address)
{
  static const char prefix[] = ROLE_DOCTOR_LOCAL "+";
  if (g_ascii_strncasecmp(address, prefix, strlen(prefix)) != 0)
    return;
  struct slice token = slice_until(slice_of(address + strlen(prefix)), '@');
  if (token.n == 0 || token.n > TOKEN_ID)
    return;
  pthread_mutex_lock(&probes.lock);
  char *kept = probes.tokens[probes.next++ % KEPT];
  memcpy(kept, token.p, token.n);
  kept[token.n] = '\0';
  pthread_mutex_unlock(&probes.lock);
}

bool
probes_seen(struct slice token)
{
  bool seen = false;
  pthread_mutex_lock(&probes.lock);
  for (size_t i = 0; i < KEPT && token.n; i++)
    seen |= slice_equal_nocase(slice_of(probes.tokens[i]), token);
  pthread_mutex_unlock(&probes.lock);
  return seen;
}
