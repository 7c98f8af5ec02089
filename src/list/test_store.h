#pragma once
/* For tests: functions that run in transactions of a scratch store. */
#include "store/scratch.h"

/* Runs `fn` in a transaction, which must be committed. */
static inline void
must_write(struct store *store, store_fn fn, void *arg)
{
  g_autoptr(GError) error = NULL;
  enum res res = store_write(store, fn, arg, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
}

/* A test whose body, a pointed-to store_fn, runs in one transaction of a store of its own. */
static inline void
in_transaction(gconstpointer body)
{
  char *directory = scratch_new();
  struct store *store = scratch_store(directory, STORE_COMMAND);
  must_write(store, *(const store_fn *)body, NULL);
  store_free(store);
  scratch_free(directory);
}
