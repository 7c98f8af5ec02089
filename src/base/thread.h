#pragma once
/* Threads of the server: small stacks, all signals blocked. */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* True: `thread` runs and must be joined. False: the system has no room for one. */
bool thread_start(pthread_t *thread, void *(*run)(void *), void *data);
/* The same for one that nobody joins. It may be one that has run before: what `run` leaves in thread-local variables, but for the log's, is there again. */
bool thread_start_detached(void *(*run)(void *), void *data);
/* A clock_monotonic() time for pthread_cond_clockwait(…, CLOCK_MONOTONIC, …); INT64_MAX stays far away. */
struct timespec thread_deadline(int64_t monotonic);
