#pragma once
/* The pool of reading connections: at most 8, opened when first needed, borrowed for one store_fn. Private to this folder. */
#include "store/store.h"

#define READERS_MAX 8

struct readers;

/* `path` is copied. */
struct readers *readers_new(const char *path);
/* All must have been given back. */
void readers_free(struct readers *readers);
OWN_DEFINE(readers, readers_free)

/* Runs `read` on a borrowed connection, in a transaction: a consistent snapshot from its first statement on. Waits while all
 * are lent. Any thread. RES_OK, what `read` returned, or RES_TEMP. */
enum res readers_run(struct readers *readers, store_fn read, void *arg, GError **error) MUST_CHECK;
