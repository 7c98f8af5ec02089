#include "server/shortage.h"
#include "base/log.h"
#include <glib.h>

/* So many sessions have gone at least when it is over. */
#define GONE_MIN 5

static const char *const events[SHORTAGES] = {
  [OF_SESSIONS] = "too many sessions", [OF_DESCRIPTORS] = "no descriptor for a session", [OF_THREADS] = "no thread for a session",
};

bool
shortage_begins(struct shortages *shortages, enum shortage shortage, size_t sessions)
{
  shortages->of[shortage].refused++;
  if (shortages->of[shortage].on)
    return false;
  shortages->of[shortage].on = true;
  shortages->of[shortage].sessions = sessions;
  return true;
}

/* One who is sent away makes room for the next newcomer, and no more: among a few sessions he alone must not end it. */
static bool
is_over(size_t then, size_t now)
{
  return now <= 1 || now + MAX(then / 5, GONE_MIN) <= then;
}

void
shortages_end(struct shortages *shortages, size_t sessions, int64_t refused[SHORTAGES])
{
  for (enum shortage shortage = 0; shortage < SHORTAGES; shortage++) {
    refused[shortage] = 0;
    if (!shortages->of[shortage].on || !is_over(shortages->of[shortage].sessions, sessions))
      continue;
    refused[shortage] = shortages->of[shortage].refused;
    shortages->of[shortage].refused = 0;
    shortages->of[shortage].on = false;
  }
}

void
shortage_log(enum shortage shortage, const char *listen, size_t sessions)
{
  if (shortage == OF_SESSIONS)
    log_warn(events[shortage], log_str("listen", listen), log_int("max", (int64_t)sessions));
  else
    log_alarm(events[shortage], log_str("listen", listen), log_int("sessions", (int64_t)sessions));
}

void
shortages_log_ended(const int64_t refused[SHORTAGES])
{
  for (enum shortage shortage = 0; shortage < SHORTAGES; shortage++)
    if (refused[shortage])
      log_note("newcomers are let in again", log_str("after", events[shortage]), log_int("turned_away", refused[shortage]));
}
