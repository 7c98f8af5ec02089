#include "server/descriptors.h"
#include "base/log.h"
#include <errno.h>
#include <sys/resource.h>

/* Connections to the database with their files, listeners, clients of the control socket, look-ups of names. */
#define OWN_NEEDS 64

int64_t
descriptors_reserve(const struct config *config)
{
  int64_t sum = OWN_NEEDS;
  for (size_t i = 0; i < config->n_outlets; i++)
    sum += 2 * MAX(config->outlets[i].connections, config->courier_connections);
  return sum;
}

void
descriptors_raise(int64_t sessions, int64_t reserve)
{
  struct rlimit limit;
  rlim_t needed = (rlim_t)(sessions + reserve);
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
    return;
  limit.rlim_cur = MIN(needed, limit.rlim_max);
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    log_warn("the limit of descriptors could not be raised", log_str("error", g_strerror(errno)));
  if (limit.rlim_cur < needed)
    log_warn("[limits] max_sessions is more than the system's limit of descriptors allows", log_int("limit", (int64_t)limit.rlim_cur),
             log_int("needed", (int64_t)needed));
}

bool
descriptors_spare(int fd, int64_t reserve)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return true;
  rlim_t kept = MIN((rlim_t)reserve, limit.rlim_cur / 2);
  return (rlim_t)fd < limit.rlim_cur - kept;
}
