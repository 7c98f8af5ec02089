#pragma once
/* Newcomers that are turned away: the log says so once, and once more when it is over: a fifth of the sessions has gone, or five if that is more, or all but one. A crowd
 * at the door does not fill the disk. The state is the caller's, under his lock; what is logged is logged outside of it. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SHORTAGES stands for none. */
enum shortage { OF_SESSIONS, OF_DESCRIPTORS, OF_THREADS, SHORTAGES };

struct shortages {
  struct {
    bool on;
    size_t sessions; /* when it began */
    int64_t refused; /* newcomers since then */
  } of[SHORTAGES];
};

/* A newcomer was turned away while there were so many sessions. True: the log is to say it. */
bool shortage_begins(struct shortages *shortages, enum shortage shortage, size_t sessions);
/* With so many sessions: fills in, for each shortage that is over now, how many newcomers it has cost, else 0. */
void shortages_end(struct shortages *shortages, size_t sessions, int64_t refused[SHORTAGES]);
/* `listen`: where the newcomer came. */
void shortage_log(enum shortage shortage, const char *listen, size_t sessions);
/* What shortages_end() has filled in. */
void shortages_log_ended(const int64_t refused[SHORTAGES]);
