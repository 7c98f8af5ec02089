#pragma once
/* For tests: a scratch directory with a store in it. */
#include "store/store.h"
#include <glib/gstdio.h>

/* Made in TMPDIR; scratch_free() takes it away with the files in it. */
static inline char *
scratch_new(void)
{
  char *directory = g_dir_make_tmp("store-XXXXXX", NULL);
  g_assert_nonnull(directory);
  return directory;
}

static inline void
scratch_free(char *directory)
{
  GDir *dir = g_dir_open(directory, 0, NULL);
  const char *name;
  while ((name = g_dir_read_name(dir))) {
    g_autofree char *path = g_build_filename(directory, name, NULL);
    g_unlink(path);
  }
  g_dir_close(dir);
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
