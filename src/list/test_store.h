#pragma once
/* For tests: a real store in a scratch directory, and functions that run in its transactions. */
#include "store/store.h"
#include <glib.h>
#include <glib/gstdio.h>

static inline char *
scratch_new(void)
{
  g_autoptr(GError) error = NULL;
  char *directory = g_dir_make_tmp("listward-XXXXXX", &error);
  g_assert_no_error(error);
  return directory;
}

/* Removes the directory and the files in it. */
static inline void
scratch_free(char *directory)
{
  g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
  const char *name;
  while ((name = g_dir_read_name(dir))) {
    g_autofree char *path = g_build_filename(directory, name, NULL);
    g_unlink(path);
  }
  g_rmdir(directory);
  g_free(directory);
}

static inline struct store *
scratch_store(const char *directory, enum store_mode mode)
{
  g_autoptr(GError) error = NULL;
  struct store *store = NULL;
  enum res res = store_open(&(struct store_options){ .url = "sqlite:test.db", .state_dir = directory, .mode = mode }, &store, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return store;
}

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
